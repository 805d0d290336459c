import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { detectorFor } from '../../src/caption/stored-detector.ts'
import { readDetector, writeDetector } from '../../src/disk/concept-files.ts'
import { packRun } from '../../src/disk/pack.ts'
import { openRun, runFiles, writeRunConfig } from '../../src/disk/run.ts'
import { readSafetensors, writeSafetensors } from '../../src/disk/safetensors-file.ts'
import { createCaptioner } from '../../src/models/create-captioner.ts'
import { temporaryFolder } from '../support/folder.ts'
import { halves, smallConfig, writeSmallRun } from '../support/small-run.ts'

test('packRun() names the files it wrote, not those that a killed process or the user left in the folder', async () => {
  const base = await temporaryFolder()
  const [run, out] = [join(base, 'run'), join(base, 'packed')]
  await writeSmallRun(run)
  await mkdir(out)
  await writeFile(join(out, 'weights.safetensors.1-00000000ffffffff.part'), 'half of it')
  await writeFile(join(out, 'notes.txt'), 'mine')
  expect(await packRun(run, out)).toEqual(['config.json', 'vocabulary.json', 'weights.safetensors'])
})

test('packRun() stores weights and detector as float16, and networks without their paths', async () => {
  const base = await temporaryFolder()
  const [run, out] = [join(base, 'run'), join(base, 'packed')]
  await writeSmallRun(run)
  const { model, features, ...rest } = smallConfig()
  const network = { file: '/home/me/cnn.onnx', sha256: 'ab12' }
  const config = { ...rest, model: { ...model, mia: true }, features: { ...features, network } as typeof features }
  const weights = halves(createCaptioner(config.model).parameters)
  await writeRunConfig(run, config)
  await writeSafetensors(runFiles(run).weights, weights)
  const info = { words: ['dog', 'red'], features: config.features, meanAveragePrecision: 1, averagePrecision: {} }
  await writeDetector(runFiles(run).concepts, { info, weights: halves(detectorFor(2, features).parameters) })

  const names = await packRun(run, out)
  expect(names).toEqual([
    'concepts/detector.json',
    'concepts/detector.safetensors',
    'config.json',
    'vocabulary.json',
    'weights.safetensors',
  ])
  for (const name of names) expect((await readFile(join(out, name), 'latin1')).includes('/home/me')).toBe(false)
  expect(await openRun(out)).toMatchObject({ weights, config: { data: { name: 'small', folder: 'data/small' } } })
  expect((await readDetector(runFiles(out).concepts)).info.features).toMatchObject({ network: { file: 'cnn.onnx' } })
  const { tensors } = await readSafetensors(runFiles(out).weights, 'weights')
  for (const { dtype } of tensors.values()) expect(dtype).toBe('F16')
})

test('packRun() refuses weights too large for float16 and a folder of a run in training', async () => {
  const base = await temporaryFolder()
  const [run, out] = [join(base, 'run'), join(base, 'packed')]
  const weights = await writeSmallRun(run)
  await mkdir(out)
  await writeFile(runFiles(out).log, '')
  await expect(packRun(run, out)).rejects.toThrow('a run was trained there (it has log.jsonl); give another folder')
  const [name, weight] = [...weights][0]!
  const large = { ...weight, data: weight.data.map((_, i) => (i === 0 ? 1e5 : 0)) }
  await writeSafetensors(runFiles(run).weights, new Map([...weights, [name, large]]))
  await expect(packRun(run, join(base, 'other'))).rejects.toThrow(`"${name}" has numbers beyond 65,504`)
  expect(await readdir(join(base, 'other'))).not.toContain('config.json')
})
