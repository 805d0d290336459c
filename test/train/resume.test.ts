import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import type { RunConfig } from '../../src/caption/run-config.ts'
import { readRunConfig } from '../../src/disk/run.ts'
import { beginOrResume, resumeWith } from '../../src/train/resume.ts'
import { temporaryFolder } from '../support/folder.ts'
import { makeWorld, source } from './world.ts'

let folder: string
let config: RunConfig
beforeEach(async () => {
  const base = await temporaryFolder()
  config = await makeWorld(join(base, 'data'))
  folder = join(base, 'run')
})

const withEpochs = (epochs: number): RunConfig => ({ ...config, training: { ...config.training, epochs } })

test('beginOrResume() begins a run if there is none, and resumes it otherwise', async () => {
  await (await beginOrResume(folder, config)).release()
  expect(await readRunConfig(folder)).toEqual(config)
  const run = await beginOrResume(folder, config)
  expect(run.config).toEqual(config)
  await run.release()
})

test('a run resumes for more epochs, and its configuration says so', async () => {
  await (await beginOrResume(folder, config)).release()
  const run = await beginOrResume(folder, withEpochs(40))
  expect(run.config).toEqual(withEpochs(40))
  expect(await readRunConfig(folder)).toEqual(withEpochs(40))
  await run.release()
})

test('a run resumes after the file of its network was moved', async () => {
  await (await beginOrResume(folder, config)).release()
  const { features } = config
  const moved = { ...config, features: { ...features, network: { ...source.network, file: 'elsewhere.onnx' } } }
  await (await beginOrResume(folder, moved)).release()
})

test.each<[string, (config: RunConfig) => RunConfig]>([
  ['model.mia is false, not true', (config) => ({ ...config, model: { ...config.model, mia: true } })],
  ['training.batchSize is 8, not 4', (config) => ({ ...config, training: { ...config.training, batchSize: 4 } })],
  ['training.seed is 3, not 4', (config) => ({ ...config, training: { ...config.training, seed: 4 } })],
  [
    'training.gradientClipping.kind is "value", not "none"',
    (config) => ({ ...config, training: { ...config.training, gradientClipping: { kind: 'none' } } }),
  ],
  [
    'features.layer is "features", not "map"',
    (config) => ({ ...config, features: { ...config.features, layer: 'map' } }),
  ],
])('a run whose %s is refused, unchanged and unlocked', async (difference, change) => {
  await (await beginOrResume(folder, config)).release()
  await expect(beginOrResume(folder, change(config))).rejects.toThrow(
    `Cannot resume the run "${folder}": its ${difference};`,
  )
  expect(await readRunConfig(folder)).toEqual(config)
  expect(await readdir(folder)).not.toContain('lock.json')
})

test('resumeWith() keeps the number of epochs by default, and throws without a run', async () => {
  await expect(resumeWith(folder)).rejects.toThrow('there is none')
  await (await beginOrResume(folder, config)).release()
  const run = await resumeWith(folder)
  expect(run.config).toEqual(config)
  await run.release()
})
