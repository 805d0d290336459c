import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Weights } from '../../src/caption/weights.ts'
import { readCheckpoint, writeCheckpoint } from '../../src/disk/checkpoint.ts'
import { floatData, type HostValues, type Session } from '../../src/engine/session.ts'
import { UserError } from '../../src/errors.ts'
import { floats } from '../../src/formats/host-value.ts'
import { Scope } from '../../src/nn/scope.ts'
import { type FinishedEpoch, runTraining, type TrainingTask, type Validation } from '../../src/train/loop.ts'
import { startOrRestore } from '../../src/train/state.ts'
import { temporaryFolder } from '../support/folder.ts'

const scope = new Scope()
scope.parameter('w', [1], () => Float32Array.of(8))
const parameters = [...scope.parameters.values()]
const BATCHES = ['a', 'b', 'c']
type Task = TrainingTask<string, Validation>

/** What a step reports, by its number; `w` loses 1 at each. */
type Outcome = (step: number) => { loss?: number; gradientNorm?: number }

/** A training step that takes 20 ms: long enough for a read to fail meanwhile. */
function session(outcome: Outcome = () => ({})): Session {
  return {
    inputNames: [],
    outputNames: [],
    run: async (feeds, { into } = {}) => {
      await setTimeout(20)
      floatData(into!['next.w'])[0]! -= 1
      const { loss = 1, gradientNorm = 1 } = outcome(Number((feeds as HostValues).step!.data[0]))
      return { loss: floats([], Float32Array.of(loss)), gradientNorm: floats([], Float32Array.of(gradientNorm)) }
    },
    runOnDevice: () => Promise.reject(new Error('not in this test')),
    release: () => {},
  }
}

let checkpoint: string
let kept: number[]
beforeEach(async () => {
  checkpoint = join(await temporaryFolder(), 'checkpoint.safetensors')
  kept = []
})

const numberOf = (weights: Weights): number => weights.get('w')!.data[0]!

/** A task of three batches an epoch. The score is -w, so that each epoch is better than the one before. */
function makeTask(changes: Partial<Task> & { outcome?: Outcome } = {}): Task {
  const { outcome, ...rest } = changes
  const step = session(outcome)
  return {
    parameters,
    epochs: 2,
    seed: 1,
    adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    emaDecay: 0,
    checkpoint,
    advice: 'try again',
    learningRate: () => 0.1,
    batches: () => BATCHES,
    describe: (batch) => `images ${batch}1`,
    collate: async () => ({}),
    prepare: async (_, values) => ({ session: step, values }),
    validate: async (weights) => ({ score: -numberOf(weights) }),
    logLikelihood: () => Promise.reject(new Error('no score is equal')),
    keep: async (weights) => void kept.push(numberOf(weights)),
    kept: () => Promise.reject(new Error('no score is equal')),
    ...rest,
  }
}

async function run(task: Task, signal?: AbortSignal): Promise<FinishedEpoch<Validation>[]> {
  const epochs: FinishedEpoch<Validation>[] = []
  await runTraining(task, await startOrRestore(checkpoint, parameters, 1), {
    signal,
    onEpoch: (epoch) => epochs.push(epoch),
  })
  return epochs
}

const saved = async () => {
  const { step, epoch, batch, best, weights } = await readCheckpoint(checkpoint)
  return { step, epoch, batch, best, w: (weights.get('w')!.data as Float32Array)[0] }
}

describe('runTraining()', () => {
  test('trains on every batch of every epoch in order, validates, and keeps the best weights', async () => {
    const trained: string[] = []
    const scores = [0.5, 0.2, 0.7]
    const epochs = await run(
      makeTask({
        epochs: 3,
        onStep: ({ step, epoch, batch }) => void trained.push(`${epoch}:${step}${batch}`),
        validate: async () => ({ score: scores.shift()! }),
      }),
    )
    expect(trained).toEqual(['1:1a', '1:2b', '1:3c', '2:4a', '2:5b', '2:6c', '3:7a', '3:8b', '3:9c'])
    expect(epochs.map(({ epoch, best }) => [epoch, best])).toEqual([
      [1, true],
      [2, false],
      [3, true],
    ])
    expect(kept).toEqual([5, -1])
    expect(await saved()).toEqual({ step: 9, epoch: 3, batch: 0, best: { epoch: 3, score: 0.7 }, w: -1 })
  })

  test('a batch that cannot be read while a step runs ends as its error, with a checkpoint of the steps before', async () => {
    const unhandled: unknown[] = []
    const listener = (error: unknown) => unhandled.push(error)
    process.on('unhandledRejection', listener)
    let damaged = true
    const collate = async (batch: string) => {
      if (batch === 'c' && damaged) throw new UserError('Cannot read "c"')
      return {}
    }
    await expect(run(makeTask({ collate }))).rejects.toThrow(new UserError('Cannot read "c"'))
    await setTimeout(20)
    process.off('unhandledRejection', listener)
    expect(unhandled).toEqual([])
    expect(await saved()).toEqual({ step: 2, epoch: 0, batch: 2, best: null, w: 6 })
    damaged = false
    expect((await run(makeTask({ collate }))).map(({ step }) => step)).toEqual([3, 6])
    expect(kept).toEqual([5, 2])
  })

  test('a read that no step waits for any more has ended when the training ends with an error', async () => {
    let reading = 0
    const collate = async (batch: string) => {
      reading += 1
      await setTimeout(batch === 'b' ? 60 : 0)
      reading -= 1
      return {}
    }
    const outcome = () => ({ loss: Number.NaN })
    await expect(run(makeTask({ collate, outcome }))).rejects.toThrow('the loss is NaN at step 1')
    expect(reading).toBe(0)
  })

  test('a step that cannot be compiled is an error with a checkpoint of the steps before', async () => {
    const works = session()
    const compile: Task['prepare'] = async (batch, values) => {
      if (batch === 'b') throw new Error('refused')
      return { session: works, values }
    }
    await expect(run(makeTask({ prepare: compile }))).rejects.toThrow('refused')
    expect(await saved()).toMatchObject({ step: 1, batch: 1, w: 7 })
  })

  test.each([
    ['loss', { loss: Number.POSITIVE_INFINITY }, 'the loss is Infinity'],
    ['gradient', { gradientNorm: Number.NaN }, 'the norm of the gradients is NaN'],
  ])(
    'a %s that is not finite in the last step of an epoch is an error, and no checkpoint has it',
    async (_, result, what) => {
      const outcome: Outcome = (step) => (step === 6 ? result : {})
      await expect(run(makeTask({ outcome }))).rejects.toThrow(
        `Cannot continue training: ${what} at step 6 (epoch 2, batch 3: images c1); the last good checkpoint is "${checkpoint}"; try again`,
      )
      expect(await saved()).toEqual({ step: 3, epoch: 1, batch: 0, best: { epoch: 1, score: -5 }, w: 5 })
    },
  )

  test('an abort saves a checkpoint from which the next call resumes', async () => {
    const controller = new AbortController()
    const onStep = ({ step }: { step: number }) => (step === 4 ? controller.abort() : undefined)
    await expect(run(makeTask({ onStep }), controller.signal)).rejects.toThrow(controller.signal.reason)
    expect(await saved()).toMatchObject({ step: 4, epoch: 1, batch: 1, w: 4 })
    const [epoch] = await run(makeTask())
    expect(epoch).toMatchObject({ epoch: 2, step: 6, loss: 1 })
  })

  test('an abort in the last step of an epoch leaves the validation to the next call, which has no loss to report', async () => {
    const controller = new AbortController()
    const validate = async () => {
      controller.signal.throwIfAborted()
      return { score: 1 }
    }
    const onStep = ({ step }: { step: number }) => (step === 3 ? controller.abort() : undefined)
    await expect(run(makeTask({ onStep, validate }), controller.signal)).rejects.toThrow(controller.signal.reason)
    expect(await saved()).toMatchObject({ step: 3, epoch: 0, batch: 3 })
    const epochs = await run(makeTask())
    expect(epochs.map(({ epoch, loss }) => [epoch, loss])).toEqual([
      [1, null],
      [2, 1],
    ])
  })

  test('the moving average is validated, kept and stored in the checkpoint', async () => {
    const seen: number[] = []
    const validate = async (weights: Weights) => ({ score: seen.push(numberOf(weights)) })
    await run(makeTask({ epochs: 5, emaDecay: 0.9, validate }))
    expect(seen.slice(0, 3)).toEqual([5, 2, -1]) // before step 10 the weights themselves
    expect(seen[3]).toBe(-2) // of step 10
    expect(kept).toEqual(seen)
    expect((await readCheckpoint(checkpoint)).averages!.get('w')!.data[0]).toBe(kept.at(-1))
  })
})

describe('the best epoch of equal scores', () => {
  /** A task whose epochs all have the score 0 and these log-likelihoods; the weights are 5, 2, -1, ... */
  function tied(logLikelihoods: readonly number[], changes: Partial<Task> = {}): Task {
    const of = new Map(logLikelihoods.map((each, i) => [5 - 3 * i, each]))
    return makeTask({
      epochs: logLikelihoods.length,
      validate: async () => ({ score: 0 }),
      logLikelihood: async (weights) => of.get(numberOf(weights))!,
      kept: async () => new Map([['w', { dtype: 'F32', shape: [1], data: Float32Array.of(kept.at(-1)!) }]]),
      ...changes,
    })
  }

  test.each([
    ['has the highest log-likelihood', [-3, -1, -2], 2],
    ['is the latest if the log-likelihoods are equal too', [-1, -1, -1], 3],
    ['is the first if the later ones are worse', [-1, -2, -3], 1],
    ['does not overflow', [Number.NaN, Number.NEGATIVE_INFINITY, -1e30], 3],
  ])('%s', async (_, logLikelihoods, best) => {
    const epochs = await run(tied(logLikelihoods))
    expect(kept.at(-1)).toBe(8 - 3 * best)
    expect((await saved()).best).toEqual({
      epoch: best,
      score: 0,
      logLikelihood: logLikelihoods[best - 1],
    })
    expect(epochs.map(({ logLikelihood }) => logLikelihood !== undefined)).toEqual([false, true, true])
  })

  test('is chosen by the score alone as soon as one is higher', async () => {
    const scores = [0, 0, 0.5]
    await run(tied([-1, -2, -3], { validate: async () => ({ score: scores.shift()! }) }))
    expect((await saved()).best).toEqual({ epoch: 3, score: 0.5 })
  })

  test('can be that of a checkpoint of an earlier version, whose weights are then compared', async () => {
    await run(tied([-2]))
    const { best, ...progress } = await readCheckpoint(checkpoint)
    expect(best).toEqual({ epoch: 1, score: 0 })
    await writeCheckpoint(checkpoint, { ...progress, best })
    await run(tied([-2, -3]))
    expect((await saved()).best).toEqual({ epoch: 1, score: 0, logLikelihood: -2 })
  })
})
