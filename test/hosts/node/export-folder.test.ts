import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkEmpty, writeExport } from '../../../src/hosts/node/export-folder.ts'
import { temporaryFolder } from '../../support/folder.ts'

const recipe = { export: 'onnx', run: 'runs/a' }
const files = new Map([
  ['model.onnx', 'a model'],
  ['config.json', '{}'],
])

test('an export that was killed is written again by the same call, and by no other', async () => {
  const folder = join(await temporaryFolder(), 'out')
  const impossible = new Map([...files, ['model.onnx/x', '']]) // below a file: ends it, as a kill would
  await expect(writeExport(folder, recipe, impossible)).rejects.toThrow('Cannot write')
  expect(await readdir(folder)).toContain('model.onnx')
  await expect(checkEmpty(folder, { ...recipe, run: 'runs/b' })).rejects.toThrow('it is not empty; give a new folder')
  await checkEmpty(folder, recipe)
  expect(await writeExport(folder, recipe, files)).toHaveLength(2)
})

test('nothing but the files is left, and a finished export is not written over', async () => {
  const folder = join(await temporaryFolder(), 'out')
  await checkEmpty(folder, recipe)
  await mkdir(folder)
  await writeFile(join(folder, 'config.json.1-00000000ffffffff.part'), 'left by a killed process')
  await checkEmpty(folder, recipe)
  expect(await writeExport(folder, recipe, files)).toEqual([
    { path: 'model.onnx', bytes: 7 },
    { path: 'config.json', bytes: 2 },
  ])
  expect((await readdir(folder)).filter((name) => !name.endsWith('.part')).sort()).toEqual([
    'config.json',
    'model.onnx',
  ])
  await expect(checkEmpty(folder, recipe)).rejects.toThrow('it is not empty; give a new folder')
})

test('of two exports to a folder at once one is refused, and the files are of the other', async () => {
  const folder = join(await temporaryFolder(), 'out')
  const others = new Map([...files.keys()].map((name) => [name, 'of another run']))
  const ended = await Promise.allSettled([
    writeExport(folder, recipe, files),
    writeExport(folder, { ...recipe, run: 'runs/b' }, others),
  ])
  expect(ended.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  const right = ended[0]!.status === 'fulfilled' ? files : others
  for (const [name, content] of right) expect(await readFile(join(folder, name), 'utf8')).toBe(content)
  expect((await readdir(folder)).sort()).toEqual(['config.json', 'model.onnx'])
  await expect(writeExport(folder, recipe, files)).rejects.toThrow('it is not empty; give a new folder')
})

test('the lock of an export that was killed is taken over', async () => {
  const folder = join(await temporaryFolder(), 'out')
  await mkdir(folder)
  await writeFile(join(folder, 'lock.json'), '{"pid":')
  await checkEmpty(folder, recipe)
  await writeExport(folder, recipe, files)
  expect((await readdir(folder)).sort()).toEqual(['config.json', 'model.onnx'])
})
