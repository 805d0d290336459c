import { cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { attempt } from '../../src/cli/check.ts'
import { checkMachine } from '../../src/cli/checks.ts'
import { captioner } from '../../src/cli/package-checks.ts'
import { cached, cacheFolder } from '../../src/disk/cache.ts'
import { PRETRAINED } from '../../src/hosts/node/pretrained.ts'
import { temporaryFolder } from '../support/folder.ts'

afterEach(() => vi.unstubAllEnvs())

const cacheCheck = async () => (await checkMachine()).find(({ what }) => what === 'cache')!

test('a look that fails, as where a package is missing, is told with what mends it', async () => {
  const missing = () => import('no-such-package' as string)
  expect(await attempt('engine', missing)).toEqual({
    what: 'engine',
    state: 'broken',
    found: expect.stringContaining('no-such-package'),
    mend: 'install the packages again: npm ci',
  })
})

test('a damaged file of the cache is named, and a cache that cannot be written to', async () => {
  const home = await temporaryFolder()
  vi.stubEnv('XDG_CACHE_HOME', home)
  await cached('kept.onnx', async () => Uint8Array.of(1, 2, 3))
  expect(await cacheCheck()).toMatchObject({ state: 'ok', found: expect.stringContaining('2 files') })
  await writeFile(join(cacheFolder(), 'kept.onnx'), 'other')
  expect(await cacheCheck()).toMatchObject({ state: 'no', found: expect.stringContaining('; kept.onnx damaged') })
  await rm(join(cacheFolder(), 'kept.onnx'))
  await symlink('nowhere', join(cacheFolder(), 'kept.onnx'))
  expect(await cacheCheck()).toMatchObject({ state: 'no', found: expect.stringContaining('; kept.onnx damaged') })
  await mkdir(join(home, 'b'))
  await writeFile(join(home, 'b/mia-caption'), 'a file where the folder should be')
  vi.stubEnv('XDG_CACHE_HOME', join(home, 'b'))
  expect(await cacheCheck()).toMatchObject({ state: 'no', mend: expect.stringContaining('XDG_CACHE_HOME') })
})

test('a captioner that is damaged or incomplete is told by the file, and that the package brings it', async () => {
  const folder = await temporaryFolder()
  await cp(PRETRAINED, folder, { recursive: true })
  const mend = expect.stringContaining('install the package mia-caption again')
  expect(await captioner(folder)).toMatchObject({ state: 'ok' })
  await writeFile(join(folder, 'vocabulary.json'), '{}')
  expect(await captioner(folder)).toMatchObject({
    state: 'broken',
    found: `vocabulary.json in ${folder} is damaged`,
    mend,
  })
  await rm(join(folder, 'vocabulary.json'))
  expect(await captioner(folder)).toMatchObject({
    state: 'broken',
    found: `vocabulary.json is missing in ${folder}`,
    mend,
  })
  await rm(join(folder, 'card.json'))
  expect(await captioner(folder)).toMatchObject({ state: 'broken', found: expect.stringContaining('card.json'), mend })
})
