import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { RunConfig } from '../../src/caption/run-config.ts'
import { type Checkpoint, readCheckpoint } from '../../src/disk/checkpoint.ts'
import { readJournal } from '../../src/disk/journal.ts'
import { runFiles } from '../../src/disk/run.ts'
import { beginRun } from '../../src/disk/run-folder.ts'
import { nodeEngine } from '../../src/hosts/node/engine.ts'
import { BASIC_MODEL_NAMES, type BasicModelName } from '../../src/models/basic-models.ts'
import { trainCaptioner } from '../../src/train/trainer.ts'
import { temporaryFolder } from '../support/folder.ts'
import { LAUNCHERS, launch } from '../support/mpi.ts'
import { makeWorld } from './world.ts'

const SCRIPT = new URL('train-on-ranks.ts', import.meta.url)
const selfCritical = { kind: 'self-critical', baseline: 'samples', bleuReward: 0.3 } as const
/** Every captioner with both objectives: in turns with MIA or without it, and with one baseline or the other. */
const RUNS: readonly { basicModel: BasicModelName; mia: boolean; objective?: RunConfig['training']['objective'] }[] = [
  ...BASIC_MODEL_NAMES.map((basicModel, i) => ({ basicModel, mia: i % 2 === 0 })),
  ...BASIC_MODEL_NAMES.map((basicModel, i) => ({
    basicModel,
    mia: i % 2 === 1,
    objective: { ...selfCritical, baseline: (['samples', 'greedy'] as const)[i % 2]! },
  })),
]

/**
 * 12 images in batches of 5, 5 and 2: three ranks get 1, 2 and 2 of them, or 0, 1 and 1. Adam's epsilon is large:
 * otherwise the first steps would only see the sign of a gradient that is rounding alone, such as the keys' bias's,
 * which softmax cancels. Captions are short, since every word that is sampled makes the graph longer.
 */
const sharedOut = (
  config: RunConfig,
  model: Partial<RunConfig['model']> = {},
  objective = config.training.objective,
): RunConfig => ({
  ...config,
  model: { ...config.model, ...model },
  training: {
    ...config.training,
    objective,
    batchSize: 10,
    emaDecay: 0.9,
    maxLength: 6,
    adam: { ...config.training.adam, epsilon: 1e-2 },
  },
})

async function begin(folder: string, config: RunConfig): Promise<string> {
  await (await beginRun(folder, config)).release()
  return folder
}

const checkpointOf = (folder: string): Promise<Checkpoint> => readCheckpoint(runFiles(folder).checkpoint)

/** The largest difference between the weights, moments and averages of two runs; they must have the same progress. */
async function difference(a: string, b: string): Promise<number> {
  const [x, y] = [await checkpointOf(a), await checkpointOf(b)]
  const progress = ({ step, epoch, batch, best }: Checkpoint) => ({ step, epoch, batch, best: best?.epoch })
  expect(progress(x)).toEqual(progress(y))
  let most = 0
  for (const group of ['weights', 'firstMoments', 'averages'] as const)
    for (const [name, { data }] of x[group]!)
      for (const [i, value] of data.entries())
        most = Math.max(most, Math.abs(Number(value) - Number(y[group]!.get(name)!.data[i])))
  return most
}

const lossOf = async (folder: string): Promise<number> =>
  Number((await readJournal(runFiles(folder).log)).find(({ kind }) => kind === 'epoch')!.loss)

/** Each launcher once, with 2 ranks and with 3. */
const cases = LAUNCHERS.map((launcher, i) => [launcher.name, 2 + (i % 2), launcher] as const)

test.skipIf(cases.length === 0).each(cases)(
  '%s with %i ranks trains every captioner as one process does, within 1e-6 a step, and all ranks have the same bytes',
  async (_, size, launcher) => {
    const base = await temporaryFolder()
    const config = await makeWorld(join(base, 'data'), { mia: true, epochs: 1, val: 2 })
    const runs = RUNS.map(({ basicModel, mia, objective }) => ({
      name: `${basicModel}${mia ? '-mia' : ''}${objective ? '-self-critical' : ''}`,
      config: sharedOut(config, { basicModel, mia }, objective),
    }))
    const folders = await Promise.all(runs.map(({ name, config }) => begin(join(base, 'ranks', name), config)))
    // the last run goes on for an epoch more, which begins with comparing the ranks' weights
    const last = { ...runs[0]!.config, training: { ...runs[0]!.config.training, epochs: 2 } }
    folders.push(await begin(join(base, 'longer'), last))
    await writeFile(join(base, 'list.json'), JSON.stringify(folders))
    const { status, stdout, stderr } = await launch(launcher, SCRIPT, [join(base, 'list.json')], { ranks: size })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(JSON.parse(stdout)).toEqual(Array(size).fill(0))
    for (const { name, config } of runs) {
      const alone = await begin(join(base, 'alone', name), config)
      await trainCaptioner({ engine: nodeEngine, folder: alone, config })
      const together = join(base, 'ranks', name)
      const { step } = await checkpointOf(alone)
      expect(step).toBe(3)
      expect(await difference(alone, together), name).toBeLessThan(step * 1e-6)
      expect(Math.abs((await lossOf(together)) - (await lossOf(alone))), name).toBeLessThan(1e-6)
    }
  },
)

test.skipIf(cases.length === 0)(
  'one rank that is told to stop stops all after the same step, and other numbers of ranks resume',
  async () => {
    const base = await temporaryFolder()
    const config = sharedOut(await makeWorld(join(base, 'data'), { epochs: 2, val: 2 }))
    const whole = await begin(join(base, 'whole'), config)
    await trainCaptioner({ engine: nodeEngine, folder: whole, config })
    const run = await begin(join(base, 'run'), config)
    const list = join(base, 'list.json')
    await writeFile(list, JSON.stringify([run]))
    const launcher = LAUNCHERS[0]!
    // each step sums twice, the loss and the gradients; a wish to stop travels with the next loss
    const stopped = await launch(launcher, SCRIPT, [list, '1', '7'], { ranks: 2 })
    expect(stopped).toMatchObject({ status: 0, stderr: '' })
    expect(JSON.parse(stopped.stdout)).toEqual([-1, -1])
    expect(await checkpointOf(run)).toMatchObject({ epoch: 1, batch: 2, step: 5 })
    const alone = join(base, 'alone')
    await cp(run, alone, { recursive: true })
    await trainCaptioner({ engine: nodeEngine, folder: alone, config })
    expect(await difference(alone, whole)).toBeLessThan(6e-6)
    const resumed = await launch(launcher, SCRIPT, [list], { ranks: 3 })
    expect(resumed).toMatchObject({ status: 0, stderr: '' })
    expect(await difference(run, whole)).toBeLessThan(6e-6)
  },
)
