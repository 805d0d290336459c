// The training loop of every model. What differs between models is in their TrainingTask.
import { existsSync } from 'node:fs'
import type { Weights } from '../caption/weights.ts'
import { type RunProgress, writeCheckpoint } from '../disk/checkpoint.ts'
import { ALONE, type Communicator, RankError } from '../distributed/communicator.ts'
import { barrier, fromRankZero } from '../distributed/messages.ts'
import type { HostValues, Session, Values } from '../engine/session.ts'
import { UserError } from '../errors.ts'
import type { Parameter } from '../nn/scope.ts'
import type { AdamOptions } from './optimizer.ts'
import type { StepResult, TrainingStart, TrainingState } from './state.ts'
import { WeightAverage } from './weight-average.ts'

/** The result of validating weights. */
export interface Validation {
  /** the validation score; the epoch with the highest is the best */
  readonly score: number
}

/** A finished step on a batch. */
export interface FinishedStep<B> extends StepResult {
  /** optimizer steps so far, this one included */
  readonly step: number
  /** the epoch, counted from 1 */
  readonly epoch: number
  readonly batch: B
  readonly learningRate: number
  /** mean reward of the batch's samples, of an objective that samples */
  readonly reward?: number
  /** time since the step before, in which this batch was read and trained on */
  readonly seconds: number
}

/** A finished epoch. */
export interface FinishedEpoch<V extends Validation> {
  /** the epoch, counted from 1 */
  readonly epoch: number
  /** optimizer steps so far */
  readonly step: number
  /** mean loss of its steps since the last resume; null if there were none */
  readonly loss: number | null
  /** mean reward of its samples since the last resume, of an objective that samples */
  readonly reward?: number
  readonly validation: V
  /** whether its weights are the best so far, and were kept */
  readonly best: boolean
  /** mean log-likelihood of the validation data in nats; present if the score equals the best one, and this decided */
  readonly logLikelihood?: number
  readonly seconds: number
}

/** What is known before a step. */
export interface StepStart {
  /** the optimizer step, counted from 1 */
  readonly step: number
  /** the current weights, as inputs of a session, not copied: the step overwrites them */
  readonly weights: Values
}

/** A step that is ready to run. */
export interface PreparedStep {
  readonly session: Session
  /** the batch's inputs of the session */
  readonly values: HostValues
  /** mean reward of the batch's samples, of an objective that samples */
  readonly reward?: number
}

/** A model and its data, as the training loop needs them. B is a batch, V the result of a validation. */
export interface TrainingTask<B, V extends Validation> {
  readonly parameters: readonly Parameter[]
  readonly epochs: number
  readonly seed: number
  readonly adam: AdamOptions
  /** decay of the moving average of the weights, which is then validated and kept; 0 for none */
  readonly emaDecay: number
  /** path of the checkpoint */
  readonly checkpoint: string
  /** what to try if the loss is not finite, for the error message */
  readonly advice: string
  /** the learning rate of an optimizer step; it and its epoch are counted from 1 */
  learningRate(at: { readonly epoch: number; readonly step: number }): number
  /** the batches of an epoch, counted from 0; the same for every call */
  batches(epoch: number): readonly B[]
  /** names some of a batch's images, for error messages */
  describe(batch: B): string
  /** reads a batch while the step before runs: the inputs of its training step, as far as no weights decide them */
  collate(batch: B): Promise<HostValues>
  /** the compiled training step for a batch and its inputs, given those that were collated */
  prepare(batch: B, collated: HostValues, now: StepStart): Promise<PreparedStep>
  /** validates weights, which are overwritten after the call */
  validate(weights: Weights): Promise<V>
  /** mean log-likelihood of the validation data in nats; it ranks epochs of equal score */
  logLikelihood(weights: Weights): Promise<number>
  /** writes the weights of the best epoch so far */
  keep(weights: Weights, validation: V): Promise<void>
  /** reads the weights that keep() wrote last */
  kept(): Promise<Weights>
  /** called after each step */
  onStep?(step: FinishedStep<B>): Promise<void> | void
  /**
   * called after each epoch, before the checkpoint that counts it as done: after a kill in between it is called again
   */
  onEpoch?(epoch: FinishedEpoch<V>): Promise<void> | void
}

/**
 * Trains a model from `start` until the task's epochs are done, and returns the progress. Each epoch trains on every
 * batch and validates; the weights of the epoch with the highest score are kept. Epochs of equal score are ranked by
 * the log-likelihood of the validation data, then the later one wins. A checkpoint is written before and after each
 * validation, every five minutes, and if `signal` aborts or a batch cannot be read: the run resumes from that very
 * step. Throws UserError if the loss or a gradient is not finite; the checkpoint then holds the state before.
 *
 * Several `ranks` run the same loop; each begins an epoch with the state of rank 0, which alone writes checkpoints. If
 * a rank is lost, rank 0 writes one of the last finished step, and the promise rejects with RankError.
 */
export async function runTraining<B, V extends Validation>(
  task: TrainingTask<B, V>,
  start: TrainingStart,
  {
    signal,
    onEpoch,
    ranks = ALONE,
  }: {
    signal?: AbortSignal | undefined
    onEpoch?: (epoch: FinishedEpoch<V>) => void
    ranks?: Communicator
  } = {},
): Promise<RunProgress> {
  const loop = new TrainingLoop(task, start, signal, ranks)
  try {
    while (loop.progress.epoch < task.epochs) {
      const epoch = await loop.runEpoch()
      onEpoch?.(epoch)
    }
  } finally {
    start.state.release()
  }
  return loop.progress
}

/** A kill loses the work of this time at most: a checkpoint is also written during an epoch. */
const SAVE_EVERY_MS = 5 * 60_000
/** Steps after which it is time to look at the clock. Several ranks then ask rank 0. */
const LOOK_EVERY = 50

class TrainingLoop<B, V extends Validation> {
  readonly #task: TrainingTask<B, V>
  readonly #state: TrainingState
  readonly #average: WeightAverage | undefined
  readonly #signal: AbortSignal | undefined
  readonly #ranks: Communicator
  #progress: RunProgress
  #savedAt = performance.now()

  constructor(
    task: TrainingTask<B, V>,
    { state, progress, averages }: TrainingStart,
    signal: AbortSignal | undefined,
    ranks: Communicator,
  ) {
    const { parameters, emaDecay } = task
    this.#task = task
    this.#state = state
    this.#signal = signal
    this.#ranks = ranks
    this.#progress = progress
    if (emaDecay > 0) {
      const { step } = progress
      this.#average = WeightAverage.start(parameters, emaDecay, { weights: state.weights, step, kept: averages })
    }
  }

  get progress(): RunProgress {
    return this.#progress
  }

  /** Does an epoch, or the rest of it. */
  async runEpoch(): Promise<FinishedEpoch<V>> {
    const started = performance.now()
    await this.#align()
    const trained = await this.#train()
    await this.#state.toHost()
    await this.#saveTogether() // a stop during validation loses nothing
    const weights = this.#weights
    const validation = await this.#task.validate(weights)
    const { best, logLikelihood } = await this.#rank(validation.score)
    const epoch = this.#progress.epoch + 1
    const decided = logLikelihood === undefined ? {} : { logLikelihood }
    if (best) {
      await this.#task.keep(weights, validation)
      this.#progress = { ...this.#progress, best: { epoch, score: validation.score, ...decided } }
    }
    const seconds = (performance.now() - started) / 1000
    const finished = { epoch, step: this.#progress.step, ...trained, validation, best, ...decided, seconds }
    await this.#task.onEpoch?.(finished)
    this.#progress = { ...this.#progress, epoch, batch: 0 }
    await this.#saveTogether()
    return finished
  }

  /** Trains on the rest of the epoch's batches, each of which is read while the step before it runs. */
  async #train(): Promise<{ readonly loss: number | null; readonly reward?: number }> {
    const task = this.#task
    const { epoch } = this.#progress
    const batches = task.batches(epoch)
    let [losses, rewards, steps] = [0, 0, 0]
    let rewarded = false
    let since = performance.now()
    let next = this.#read(batches[this.#progress.batch])
    try {
      while (this.#progress.batch < batches.length) {
        const batch = batches[this.#progress.batch]!
        const step = this.#progress.step + 1
        const { values, session, reward } = await this.#orSave(async () => {
          const collated = (await next)!
          this.#signal?.throwIfAborted()
          next = this.#read(batches[this.#progress.batch + 1])
          return task.prepare(batch, collated, { step, weights: this.#state.feeds })
        })
        const { seed, adam } = task
        const learningRate = task.learningRate({ epoch: epoch + 1, step })
        const result = await this.#orSaveIfLost(this.#state.step(session, values, { step, seed, learningRate, adam }))
        if (!Number.isFinite(result.loss) || !Number.isFinite(result.gradientNorm))
          throw this.#notFinite(
            result,
            `epoch ${epoch + 1}, batch ${this.#progress.batch + 1}: ${task.describe(batch)}`,
          )
        losses += result.loss
        rewards += reward ?? 0
        rewarded ||= reward !== undefined
        steps += 1
        if (this.#average?.follows(step)) {
          await this.#state.toHost()
          this.#average.follow(this.#state.weights, step)
        }
        this.#progress = { ...this.#progress, step, batch: this.#progress.batch + 1 }
        const now = performance.now()
        const seconds = (now - since) / 1000
        const drawn = reward === undefined ? {} : { reward }
        await task.onStep?.({ ...result, ...drawn, step, epoch: epoch + 1, batch, learningRate, seconds })
        since = now
        if (step % LOOK_EVERY === 0) await this.#saveIfDue()
      }
    } finally {
      await next?.catch(() => {}) // whoever closes the files must not do so under a read
    }
    return { loss: steps > 0 ? losses / steps : null, ...(rewarded && { reward: rewards / steps }) }
  }

  /** Starts to read a batch. Until it is awaited, possibly never, a failure must not be an unhandled rejection. */
  #read(batch: B | undefined): Promise<HostValues> | undefined {
    const reading = batch && this.#task.collate(batch)
    reading?.catch(() => {})
    return reading
  }

  /** Prepares a step. If that fails or is aborted, the state is still that of the step before, and is saved. */
  async #orSave<T>(prepare: () => Promise<T>): Promise<T> {
    try {
      return await prepare()
    } catch (error) {
      await this.#save().catch((unsaved) => {
        throw this.#signal?.aborted ? unsaved : error
      })
      throw error
    }
  }

  /** Waits for a step. If a rank is lost the step has changed nothing, and the state is saved. */
  async #orSaveIfLost<T>(step: Promise<T>): Promise<T> {
    try {
      return await step
    } catch (error) {
      if (error instanceof RankError) await this.#save()
      throw error
    }
  }

  /**
   * Copies the state of rank 0 to the other ranks. Theirs is the same already, unless they resume, or their processors
   * round differently.
   */
  async #align(): Promise<void> {
    if (this.#ranks.size === 1) return
    const groups = [...Object.values(this.#state.tensors()), ...(this.#average ? [this.#average.weights] : [])]
    for (const { data } of groups.flatMap((group) => [...group.values()]))
      await this.#ranks.broadcast(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    this.#state.release() // a device takes what was sent
  }

  /**
   * Whether weights of this score are the best so far; if the score equals the best one, their log-likelihood decides.
   */
  async #rank(score: number): Promise<{ best: boolean; logLikelihood?: number }> {
    const { best } = this.#progress
    if (!best || score !== best.score) return { best: !best || score > best.score }
    const known = best.logLikelihood ?? finite(await this.#task.logLikelihood(await this.#task.kept()))
    this.#progress = { ...this.#progress, best: { ...best, logLikelihood: known } }
    const logLikelihood = finite(await this.#task.logLikelihood(this.#weights))
    return { best: logLikelihood >= known, logLikelihood }
  }

  /** The weights that are validated and kept. */
  get #weights(): Weights {
    return this.#average?.weights ?? this.#state.weights
  }

  async #saveIfDue(): Promise<void> {
    const isDue = performance.now() - this.#savedAt > SAVE_EVERY_MS
    if (await fromRankZero(this.#ranks, isDue)) await this.#saveTogether()
  }

  async #saveTogether(): Promise<void> {
    await this.#save()
    await barrier(this.#ranks)
  }

  async #save(): Promise<void> {
    if (this.#ranks.rank > 0) return
    await this.#state.toHost()
    const averages = this.#average && { averages: this.#average.weights }
    await writeCheckpoint(this.#task.checkpoint, { ...this.#progress, ...this.#state.tensors(), ...averages })
    this.#savedAt = performance.now()
  }

  #notFinite({ loss, gradientNorm }: StepResult, where: string): UserError {
    const { checkpoint, advice } = this.#task
    const what = Number.isFinite(loss) ? `the norm of the gradients is ${gradientNorm}` : `the loss is ${loss}`
    const saved = existsSync(checkpoint)
      ? `the last good checkpoint is "${checkpoint}"`
      : 'there is no checkpoint before it'
    return new UserError(
      `Cannot continue training: ${what} at step ${this.#progress.step + 1} (${where}); ${saved}; ${advice}`,
    )
  }
}

/** A log-likelihood that can be ranked and stored as JSON: weights that overflow are the worst. */
const finite = (logLikelihood: number): number => (Number.isFinite(logLikelihood) ? logLikelihood : -Number.MAX_VALUE)
