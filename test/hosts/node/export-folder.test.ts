import { mkdir, readdir, writeFile } from 'node:fs/promises'
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
  await mkdir(join(folder, 'config.json'), { recursive: true }) // a folder in its way ends it, as a kill would
  await writeFile(join(folder, 'config.json', 'x'), '')
  await expect(writeExport(folder, recipe, files)).rejects.toThrow('Cannot write')
  expect(await readdir(folder)).toContain('model.onnx')
  await expect(checkEmpty(folder, { ...recipe, run: 'runs/b' })).rejects.toThrow('it is not empty; give a new folder')
  await checkEmpty(folder, recipe)
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
