import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { amongShards } from '../../src/disk/shard-results.ts'
import { temporaryFolder } from '../support/folder.ts'

const part = (target: string, index: number, recipe: unknown = 'recipe') =>
  amongShards({ index, parts: 3 }, { target, recipe })

test('the last part to end gets the results of all, in order', async () => {
  const target = join(await temporaryFolder(), 'captions.json')
  expect(await part(target, 1).collect(async () => ['b'])).toBeUndefined()
  expect(await part(target, 2).collect(async () => ['c'])).toBeUndefined()
  const last = part(target, 0)
  expect(await last.collect(async () => ['a'])).toEqual([['a'], ['b'], ['c']])
  await last.finish()
  expect(await readdir(join(target, '..'))).toEqual([])
})

test('parts made with another recipe do not count', async () => {
  const target = join(await temporaryFolder(), 'captions.json')
  await part(target, 0, 'another').collect(async () => 'a')
  await part(target, 1).collect(async () => 'b')
  expect(await part(target, 2).collect(async () => 'c')).toBeUndefined()
  expect(await part(target, 0).collect(async () => 'a')).toEqual(['a', 'b', 'c'])
})

test('a part that is damaged is named, with what to do', async () => {
  const target = join(await temporaryFolder(), 'captions.json')
  await writeFile(`${target}.part-1-of-3.json`, '{"format": "mia-part/1"')
  await expect(part(target, 1).collect(async () => 'b')).rejects.toThrow(
    /captions\.json\.part-1-of-3\.json".*delete it and run its part again/,
  )
})
