import { cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { attempt } from '../../src/cli/check.ts'
import { checkMachine } from '../../src/cli/checks.ts'
import { pretrained } from '../../src/cli/package-checks.ts'
import { cached, cacheFolder } from '../../src/disk/cache.ts'
import { PRETRAINED } from '../../src/hosts/node/pretrained.ts'
import { temporaryFolder } from '../support/folder.ts'

afterEach(() => vi.unstubAllEnvs())

const cacheCheck = async () => (await checkMachine()).find(({ name }) => name === 'cache')!

test('a check that throws, for example since a package is missing, is an error with its repair', async () => {
  const missing = () => import('no-such-package' as string)
  expect(await attempt('engine', missing)).toEqual({
    name: 'engine',
    status: 'error',
    found: expect.stringContaining('no-such-package'),
    fix: 'install the packages again: npm ci',
  })
})

test('a damaged file in the cache is named, and a cache that cannot be written', async () => {
  const home = await temporaryFolder()
  vi.stubEnv('XDG_CACHE_HOME', home)
  await cached('kept.onnx', async () => Uint8Array.of(1, 2, 3))
  expect(await cacheCheck()).toMatchObject({ status: 'ok', found: expect.stringContaining('2 files') })
  await writeFile(join(cacheFolder(), 'kept.onnx'), 'other')
  expect(await cacheCheck()).toMatchObject({
    status: 'warning',
    found: expect.stringContaining('; damaged, to be replaced when needed: kept.onnx'),
  })
  await rm(join(cacheFolder(), 'kept.onnx'))
  await symlink('nowhere', join(cacheFolder(), 'kept.onnx'))
  expect(await cacheCheck()).toMatchObject({
    status: 'warning',
    found: expect.stringContaining('; damaged, to be replaced when needed: kept.onnx'),
  })
  await mkdir(join(home, 'b'))
  await writeFile(join(home, 'b/mia-caption'), 'a file where the folder should be')
  vi.stubEnv('XDG_CACHE_HOME', join(home, 'b'))
  expect(await cacheCheck()).toMatchObject({ status: 'warning', fix: expect.stringContaining('XDG_CACHE_HOME') })
})

test('a damaged or missing file of the pretrained captioner is named, with its repair', async () => {
  const folder = await temporaryFolder()
  await cp(PRETRAINED, folder, { recursive: true })
  const fix = expect.stringContaining('install the package mia-caption again')
  expect(await pretrained(folder)).toMatchObject({ status: 'ok' })
  await writeFile(join(folder, 'vocabulary.json'), '{}')
  expect(await pretrained(folder)).toMatchObject({
    status: 'error',
    found: `vocabulary.json in ${folder} is damaged`,
    fix,
  })
  await rm(join(folder, 'vocabulary.json'))
  expect(await pretrained(folder)).toMatchObject({
    status: 'error',
    found: `vocabulary.json is missing in ${folder}`,
    fix,
  })
  await rm(join(folder, 'card.json'))
  expect(await pretrained(folder)).toMatchObject({ status: 'error', found: expect.stringContaining('card.json'), fix })
})
