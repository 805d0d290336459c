import { truncateSync } from 'node:fs'
import { copyFile, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { RunConfig } from '../../src/caption/run-config.ts'
import { readCheckpoint } from '../../src/disk/checkpoint.ts'
import { featuresFolder } from '../../src/disk/dataset-files.ts'
import { FeatureStore } from '../../src/disk/feature-store.ts'
import { readJournal } from '../../src/disk/journal.ts'
import { runFiles } from '../../src/disk/run.ts'
import { beginRun, resumeRun } from '../../src/disk/run-folder.ts'
import { UserError } from '../../src/errors.ts'
import { testRun } from '../../src/evaluation/test-run.ts'
import { nodeEngine } from '../../src/hosts/node/engine.ts'
import { initialWeightsOf } from '../../src/train/initial-weights.ts'
import { type EpochReport, type TrainerOptions, trainCaptioner } from '../../src/train/trainer.ts'
import { temporaryFolder } from '../support/folder.ts'
import { countingEngine } from './counting-engine.ts'
import { makeWorld } from './world.ts'

async function train(
  folder: string,
  config: RunConfig,
  { engine = nodeEngine, onProgress, stopAfter }: Partial<TrainerOptions> & { stopAfter?: number } = {},
): Promise<EpochReport[]> {
  const run = await beginRun(folder, config).catch(() => resumeRun(folder))
  const reports: EpochReport[] = []
  const controller = new AbortController()
  try {
    await trainCaptioner({
      engine,
      folder,
      config,
      onEpoch: (report) => reports.push(report),
      onProgress: (step, steps) => {
        onProgress?.(step, steps)
        if (step === stopAfter) controller.abort()
      },
      signal: controller.signal,
    })
  } catch (error) {
    if (error !== controller.signal.reason) throw error
  } finally {
    await run.release()
  }
  return reports
}

const withTraining = (config: RunConfig, training: Partial<RunConfig['training']>): RunConfig => ({
  ...config,
  training: { ...config.training, ...training },
})

const sameBytes = async (a: string, b: string) => expect(await readFile(a)).toEqual(await readFile(b))

for (const [mia, emaDecay] of [
  [false, 0],
  [true, 0],
  [false, 0.9],
] as const)
  test(`weights after 4 epochs are the same bytes as after 2, an abort in the third, and the rest (mia ${mia}, EMA ${emaDecay})`, async () => {
    const folder = await temporaryFolder()
    const config = withTraining(await makeWorld(join(folder, 'data'), { mia }), { emaDecay })
    const [whole, parts] = [join(folder, 'whole'), join(folder, 'parts')]
    await train(whole, config)
    await train(parts, withTraining(config, { epochs: 2 }))
    await train(parts, config, { stopAfter: 7 })
    await train(parts, config)
    await sameBytes(runFiles(parts).checkpoint, runFiles(whole).checkpoint)
    await sameBytes(runFiles(parts).weights, runFiles(whole).weights)
    const log = await readJournal(runFiles(parts).log)
    expect(log.filter(({ kind }) => kind === 'epoch').map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4])
  })

for (const [basicModel, mia] of [
  ['UpDown', true],
  ['Transformer', false],
  ['Transformer', true],
] as const)
  test(`${basicModel}${mia ? ' with MIA' : ''} trains with a warm-up, and resumes with the same bytes`, async () => {
    const folder = await temporaryFolder()
    const small = await makeWorld(join(folder, 'data'), { mia, epochs: 3 })
    const config = withTraining({ ...small, model: { ...small.model, basicModel } }, { learningRateWarmup: 5 })
    const [whole, parts] = [join(folder, 'whole'), join(folder, 'parts')]
    const reports = await train(whole, config)
    await train(parts, config, { stopAfter: 4 })
    await train(parts, config)
    await sameBytes(runFiles(parts).checkpoint, runFiles(whole).checkpoint)
    expect(reports.at(-1)!.loss!).toBeLessThan(reports[0]!.loss!)
  })

for (const baseline of ['samples', 'greedy'] as const)
  test(`self-critical training from a run raises the reward, and resumes with the same bytes (baseline ${baseline})`, async () => {
    const folder = await temporaryFolder()
    const before = await makeWorld(join(folder, 'data'), { mia: true, epochs: 4 })
    const from = join(folder, 'cross-entropy')
    await train(from, before)
    const config = withTraining(before, {
      epochs: 4,
      objective: { kind: 'self-critical', baseline, bleuReward: 0.1 },
      from: await initialWeightsOf(from),
      labelSmoothing: 0,
      learningRate: 5e-4,
    })
    const [whole, parts] = [join(folder, 'whole'), join(folder, 'parts')]
    await train(whole, config)
    await train(parts, config, { stopAfter: 3 })
    await train(parts, config)
    await sameBytes(runFiles(parts).checkpoint, runFiles(whole).checkpoint)
    const epochs = (await readJournal(runFiles(whole).log)).filter(({ kind }) => kind === 'epoch')
    const rewards = epochs.map(({ reward }) => reward as number)
    expect(rewards).toHaveLength(4)
    expect(rewards.at(-1)).toBeGreaterThan(rewards[0]!)
  })

test('a small world is learnt: the captions of new images say what they show', async () => {
  const folder = await temporaryFolder()
  const config = await makeWorld(join(folder, 'data'), { mia: true, epochs: 25 })
  const reports = await train(join(folder, 'run'), config)
  expect(reports.at(-1)!.loss!).toBeLessThan(reports[0]!.loss! / 2)
  const { captions, scores } = await testRun({
    engine: nodeEngine,
    run: join(folder, 'run'),
    split: 'val',
    search: { beam: 2, maxLength: 12 },
  })
  const right = captions.filter(({ id, caption }) =>
    id
      .split('-')
      .slice(1)
      .every((word) => caption.split(' ').includes(word)),
  )
  expect(right.length).toBeGreaterThanOrEqual(11) // of 12
  expect(scores.CIDEr).toBeGreaterThan(3)
}, 120_000)

test('an epoch of fewer than 10 steps with EMA keeps trained weights, not zeros', async () => {
  const folder = await temporaryFolder()
  const config = await makeWorld(join(folder, 'data'), { epochs: 1 })
  const [plain, averaged] = [join(folder, 'plain'), join(folder, 'averaged')]
  await train(plain, config)
  await train(averaged, withTraining(config, { emaDecay: 0.999 }))
  await sameBytes(runFiles(averaged).weights, runFiles(plain).weights)
})

test('with one validation image, whose CIDEr is always 0, the log-likelihood of its references chooses the epoch', async () => {
  const folder = await temporaryFolder()
  const config = await makeWorld(join(folder, 'data'), { epochs: 6, val: 1 })
  const reports = await train(join(folder, 'run'), config)
  expect(reports.map(({ scores }) => scores.CIDEr)).toEqual([0, 0, 0, 0, 0, 0])
  expect(reports[0]!.logLikelihood).toBeUndefined()
  const logLikelihoods = reports.slice(1).map(({ logLikelihood }) => logLikelihood!)
  const highest = Math.max(...logLikelihoods)
  const { best } = await readCheckpoint(runFiles(join(folder, 'run')).checkpoint)
  expect(best).toEqual({ epoch: 2 + logLikelihoods.indexOf(highest), score: 0, logLikelihood: highest })
  expect(reports[0]!.loss! - reports.at(-1)!.loss!).toBeGreaterThan(0.5) // six epochs are worth more than one
  const last = (await readJournal(runFiles(join(folder, 'run')).log)).at(-1)
  expect(last).toMatchObject({ kind: 'epoch', logLikelihood: logLikelihoods.at(-1) })
})

describe('a training that cannot continue', () => {
  test('names the step and the images of a loss that is not finite', async () => {
    const folder = await temporaryFolder()
    const config = await makeWorld(join(folder, 'data'))
    const wild = withTraining(config, { learningRate: 1e38, gradientClipping: { kind: 'none' } })
    await expect(train(join(folder, 'run'), wild)).rejects.toThrow(
      /the loss is (NaN|Infinity) at step \d+ \(epoch 1, batch \d+: images train-.*; there is no checkpoint before it; try a smaller --learning-rate$/,
    )
  })

  test('is one error about a shard that is damaged meanwhile; the steps before are saved, and the run resumes', async () => {
    const folder = await temporaryFolder()
    const data = join(folder, 'data')
    const config = await makeWorld(data, { copies: 4, epochs: 2 })
    const [whole, parts] = [join(folder, 'whole'), join(folder, 'parts')]
    await train(whole, config)
    const [name] = (await readdir(featuresFolder(data))).filter((each) => each.endsWith('.safetensors'))
    const shard = join(featuresFolder(data), name!)
    await copyFile(shard, join(folder, 'copy'))
    const { engine, open } = countingEngine()
    const onProgress = (step: number) => step === 5 && truncateSync(shard, 600)
    const failed = train(parts, config, { engine, onProgress })
    await expect(failed).rejects.toThrow(UserError)
    await expect(failed).rejects.toThrow(shard)
    expect(open()).toBe(0)
    const { step, batch } = await readCheckpoint(runFiles(parts).checkpoint)
    expect(step).toBeGreaterThanOrEqual(5)
    expect(batch).toBe(step)
    await copyFile(join(folder, 'copy'), shard)
    await train(parts, config)
    await sameBytes(runFiles(parts).weights, runFiles(whole).weights)
  })

  test('frees its sessions and closes its files', async () => {
    const folder = await temporaryFolder()
    const config = await makeWorld(join(folder, 'data'))
    const close = vi.spyOn(FeatureStore.prototype, 'close')
    onTestFinished(() => close.mockRestore())
    const { engine, open } = countingEngine({ failOn: 2 })
    await expect(train(join(folder, 'run'), config, { engine })).rejects.toThrow('refused by the test')
    expect(open()).toBe(0)
    expect(close).toHaveBeenCalledTimes(1)
    const changed = withTraining(config, { augmentations: 3 })
    await expect(train(join(folder, 'other'), changed, { engine })).rejects.toThrow('3 augmentations')
    expect(close).toHaveBeenCalledTimes(2)
  })
})
