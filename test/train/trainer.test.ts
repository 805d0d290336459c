import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { RunConfig } from '../../src/caption/run-config.ts'
import { readJournal } from '../../src/disk/journal.ts'
import { runFiles } from '../../src/disk/run.ts'
import { beginRun, resumeRun } from '../../src/disk/run-folder.ts'
import { testRun } from '../../src/evaluation/test-run.ts'
import { nodeEngine } from '../../src/hosts/node/engine.ts'
import { type EpochReport, trainCaptioner } from '../../src/train/trainer.ts'
import { temporaryFolder } from '../support/folder.ts'
import { makeWorld } from './world.ts'

async function train(folder: string, config: RunConfig, watch: { stopAfter?: number } = {}): Promise<EpochReport[]> {
  const run = await beginRun(folder, config).catch(() => resumeRun(folder))
  const reports: EpochReport[] = []
  const controller = new AbortController()
  try {
    await trainCaptioner({
      engine: nodeEngine,
      folder,
      config,
      onEpoch: (report) => reports.push(report),
      onProgress: (step) => step === watch.stopAfter && controller.abort(),
      signal: controller.signal,
    })
  } catch (error) {
    if (error !== controller.signal.reason) throw error
  } finally {
    await run.release()
  }
  return reports
}

const epochs = (config: RunConfig, count: number): RunConfig => ({
  ...config,
  training: { ...config.training, epochs: count },
})

for (const [mia, emaDecay] of [
  [false, 0],
  [true, 0],
  [false, 0.9],
] as const)
  test(`weights after 4 epochs are the same bytes as after 2, a stop in the third, and the rest (mia ${mia}, average ${emaDecay})`, async () => {
    const folder = await temporaryFolder()
    const world = await makeWorld(join(folder, 'data'), { mia })
    const config = { ...world, training: { ...world.training, emaDecay } }
    const [whole, parts] = [join(folder, 'whole'), join(folder, 'parts')]
    await train(whole, config)
    await train(parts, epochs(config, 2))
    await train(parts, config, { stopAfter: 7 })
    await train(parts, config)
    expect(await readFile(runFiles(parts).checkpoint)).toEqual(await readFile(runFiles(whole).checkpoint))
    expect(await readFile(runFiles(parts).weights)).toEqual(await readFile(runFiles(whole).weights))
    const log = await readJournal(runFiles(parts).log)
    expect(log.filter(({ kind }) => kind === 'epoch').map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4])
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
    beam: 2,
    maxLength: 12,
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

test('a loss that is not finite stops with the step, the images and the checkpoint named', async () => {
  const folder = await temporaryFolder()
  const config = await makeWorld(join(folder, 'data'))
  const wild = {
    ...config,
    training: { ...config.training, learningRate: 1e38, gradientClipping: { kind: 'none' as const } },
  }
  await expect(train(join(folder, 'run'), wild)).rejects.toThrow(
    /the loss is (NaN|Infinity) at step \d+ \(epoch 1, batch \d+: images train-.*checkpoint\.safetensors/,
  )
})
