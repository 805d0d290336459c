import type { Team } from '../distributed/team.ts'
import {
  type DeviceValue,
  type DeviceValues,
  floatData,
  type HostValues,
  type RunOptions,
  type Runtime,
  type Session,
  type Values,
} from '../engine/session.ts'
import { floats, type HostValue } from '../formats/host-value.ts'
import type { Parameter } from '../nn/scope.ts'
import { type GradientBuckets, openBuckets } from './gradient-buckets.ts'
import type { GradientType } from './hyperparameters.ts'
import { type UpdateOptions, updateStep } from './update.ts'

/** What the training steps of a rank share. */
export interface StepParts {
  readonly team: Team
  readonly buckets: GradientBuckets
  /** updateStep() */
  readonly update: Session
}

/** A rank that comes later than this, or than a few times what the step took here, is lost. */
const PATIENCE_SECONDS = 20
const PATIENCE_FACTOR = 4

/**
 * A training step that ranks do together, with the inputs and outputs of the whole step of one process: gradients for
 * this rank's part of the batch, their sum over the ranks, and the update, which is the same on each. Weights and
 * moments stay on a device that has memory of its own; only the gradients leave it, to be summed. A part without
 * images has no `features` among its inputs. RankError leaves weights and moments as they were.
 */
export class SharedStep implements Session {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  readonly onDevice?: true
  readonly #gradients: Session
  readonly #parts: StepParts

  /** `gradients` is the compiled gradientStep(); it is released with the step, and `parts` are not. */
  constructor(gradients: Session, parts: StepParts) {
    this.#gradients = gradients
    this.#parts = parts
    const { inputNames, outputNames } = parts.update
    const given = new Set(Object.keys(parts.buckets.gradients))
    this.inputNames = [...new Set([...gradients.inputNames, ...inputNames.filter((name) => !given.has(name))])]
    this.outputNames = ['loss', ...outputNames]
    if (parts.update.onDevice) this.onDevice = true
  }

  async run(feeds: Values, { into = {} }: RunOptions = {}): Promise<HostValues> {
    const loss = await this.#sumGradients(feeds)
    const { buckets, update } = this.#parts
    const updated = await update.run({ ...feeds, ...buckets.gradients }, { into })
    return { loss: floats([], Float32Array.of(loss)), ...updated }
  }

  async runOnDevice(feeds: Values): Promise<DeviceValues> {
    const loss = await this.#sumGradients(feeds)
    const { buckets, update } = this.#parts
    const updated = await update.runOnDevice({ ...feeds, ...buckets.gradients })
    return { loss: inMemory(floats([], Float32Array.of(loss))), ...updated }
  }

  release(): void {
    this.#gradients.release()
  }

  /** Computes the gradients and sums them over the ranks. Returns the loss of the whole batch. */
  async #sumGradients(feeds: Values): Promise<number> {
    const { team, buckets } = this.#parts
    const started = performance.now()
    const own = await this.#differentiate(feeds)
    const seconds = (performance.now() - started) / 1000
    const patience = Math.max(PATIENCE_SECONDS, PATIENCE_FACTOR * seconds)
    const { loss, stops } = await buckets.sum(team.ranks, { loss: own, stop: team.wantsToStop, patience })
    if (stops > 0) team.stop()
    return loss
  }

  /** Computes the gradients of this rank's part and returns its loss. */
  async #differentiate(feeds: Values): Promise<number> {
    const { buckets } = this.#parts
    if (feeds.features === undefined) {
      buckets.clear()
      return 0
    }
    const { loss } = await this.#gradients.run(feeds, { into: buckets.gradients })
    return floatData(loss)[0]!
  }
}

/** A value in memory, for those who read it from a device. */
const inMemory = (value: HostValue): DeviceValue => ({
  dtype: value.dtype,
  shape: value.shape,
  read: async () => value,
  release() {},
})

/** The steps that ranks do together, as a runtime that compiles gradientStep() to them. */
export class SharedSteps implements Runtime {
  readonly #runtime: Runtime
  readonly #parts: StepParts

  private constructor(runtime: Runtime, parts: StepParts) {
    this.#runtime = runtime
    this.#parts = parts
  }

  /** Compiles the update. The ranks send each other gradients of the type `type`. */
  static async open(
    runtime: Runtime,
    parameters: readonly Parameter[],
    options: UpdateOptions,
    team: Team,
    type: GradientType = 'float32',
  ): Promise<SharedSteps> {
    const update = await runtime.load(updateStep(parameters, options, type))
    const buckets = await openBuckets(runtime, parameters, { type, ranks: team.ranks.size })
    return new SharedSteps(runtime, { team, update, buckets })
  }

  /** The type in which the ranks send each other gradients: that of gradientStep(). */
  get gradientType(): GradientType {
    return this.#parts.buckets.type
  }

  /** The ranks. */
  get team(): Team {
    return this.#parts.team
  }

  async load(gradients: Uint8Array): Promise<Session> {
    return new SharedStep(await this.#runtime.load(gradients), this.#parts)
  }

  /** Frees the update and the buckets. */
  release(): void {
    this.#parts.update.release()
    this.#parts.buckets.release()
  }
}
