import { existsSync } from 'node:fs'
import { type Weights, weightsOf } from '../caption/weights.ts'
import { type RunProgress, readCheckpoint } from '../disk/checkpoint.ts'
import { type DeviceValues, floatData, type Session, type Values } from '../engine/session.ts'
import { floats, type HostValue, ints } from '../formats/host-value.ts'
import type { TensorData } from '../formats/safetensors.ts'
import type { Parameter } from '../nn/scope.ts'
import { Random } from '../random.ts'
import { type AdamOptions, adamRates } from './optimizer.ts'
import { momentNames } from './update.ts'

/** The outcome of a training step. */
export interface StepResult {
  /** mean loss of the batch, before the update */
  readonly loss: number
  /** L2 norm of all gradients, before clipping */
  readonly gradientNorm: number
}

/** Weights and Adam's moments by parameter name. */
export interface StateTensors {
  readonly weights: Weights
  readonly firstMoments: Weights
  readonly secondMoments: Weights
}

/**
 * The weights and Adam's moments during training. On the processor every step overwrites them in place (see updates()):
 * nothing is allocated or copied between steps. On a device with memory of its own they stay there from the first step
 * on, and toHost() copies them back.
 */
export class TrainingState {
  readonly #parameters: readonly Parameter[]
  /** in memory; those of an earlier step while `#onDevice` has newer ones */
  readonly #values: Readonly<Record<string, HostValue>>
  #onDevice: DeviceValues | undefined
  #isCopied = true

  private constructor(parameters: readonly Parameter[], values: Readonly<Record<string, HostValue>>) {
    this.#parameters = parameters
    this.#values = values
  }

  /**
   * Initialises the weights; the moments are zeros. Every weight has its own stream of random numbers, so that adding a
   * parameter changes no other.
   */
  static start(parameters: readonly Parameter[], seed: number): TrainingState {
    const values: Record<string, HostValue> = {}
    for (const { name, shape, init } of parameters) {
      const random = new Random(seed, INITIALISATION, streamOf(name))
      const source = { uniform: () => 2 * random.uniform() - 1, normal: () => random.normal() }
      values[name] = floats(shape, init(shape, source))
      for (const moment of Object.values(momentNames(name))) values[moment] = floats(shape)
    }
    return new TrainingState(parameters, values)
  }

  /** Copies trained weights; the moments are zeros. Every parameter must have a weight of its shape. */
  static from(parameters: readonly Parameter[], weights: Weights): TrainingState {
    const values: Record<string, HostValue> = {}
    for (const { name, shape } of parameters) {
      values[name] = floats(shape, weights.get(name)!.data.slice())
      for (const moment of Object.values(momentNames(name))) values[moment] = floats(shape)
    }
    return new TrainingState(parameters, values)
  }

  /** Copies the state of a checkpoint. Every parameter must have a weight and moments of its shape. */
  static restore(
    parameters: readonly Parameter[],
    { weights, firstMoments, secondMoments }: StateTensors,
  ): TrainingState {
    const values: Record<string, HostValue> = {}
    for (const { name, shape } of parameters) {
      const names = momentNames(name)
      const sources = [
        [name, weights],
        [names.first, firstMoments],
        [names.second, secondMoments],
      ] as const
      for (const [key, tensors] of sources) values[key] = floats(shape, tensors.get(name)!.data.slice())
    }
    return new TrainingState(parameters, values)
  }

  /** Runs optimizer step `step`, counted from 1, on a batch: the session's other inputs, by name. */
  async step(
    session: Session,
    batch: Values,
    { step, seed, learningRate, adam }: { step: number; seed: number; learningRate: number; adam: AdamOptions },
  ): Promise<StepResult> {
    const { stepSize, epsilon } = adamRates(step, learningRate, adam)
    const scalars = {
      stepSize: floats([], Float32Array.of(stepSize)),
      epsilon: floats([], Float32Array.of(epsilon)),
      seed: ints(seed),
      step: ints(step),
    }
    const feeds = { ...this.#current, ...batch, ...scalars }
    if (session.onDevice) return this.#stepOnDevice(session, feeds)
    const into = Object.fromEntries(Object.entries(this.#values).map(([name, value]) => [`next.${name}`, value]))
    const results = await session.run(feeds, { into })
    return { loss: floatData(results.loss)[0]!, gradientNorm: floatData(results.gradientNorm)[0]! }
  }

  /** Runs a step and keeps its new weights and moments on the device, in place of the old ones. */
  async #stepOnDevice(session: Session, feeds: Values): Promise<StepResult> {
    const { loss, gradientNorm, ...next } = await session.runOnDevice(feeds, undefined, STEP_RESULTS)
    const before = this.#onDevice
    this.#onDevice = Object.fromEntries(Object.keys(this.#values).map((name) => [name, next[`next.${name}`]!]))
    this.#isCopied = false
    for (const value of Object.values(before ?? {})) value.release()
    try {
      const [lossValue, normValue] = await Promise.all([loss!.read(), gradientNorm!.read()])
      return { loss: floatData(lossValue)[0]!, gradientNorm: floatData(normValue)[0]! }
    } finally {
      loss!.release()
      gradientNorm!.release()
    }
  }

  /** The current weights and moments by name, wherever they are. */
  get #current(): Values {
    return this.#onDevice ?? this.#values
  }

  /** The current weights by name, as inputs of a session on the device that trains: the next step overwrites them. */
  get feeds(): Values {
    const current = this.#current
    return Object.fromEntries(this.#parameters.map(({ name }) => [name, current[name]!]))
  }

  /** Copies weights and moments from the device, if the last step left them there; weights and tensors() need that. */
  async toHost(): Promise<void> {
    if (this.#isCopied) return
    for (const [name, value] of Object.entries(this.#onDevice!))
      floatData(this.#values[name]).set(floatData(await value.read()))
    this.#isCopied = true
  }

  /** Frees what is on the device. */
  release(): void {
    for (const value of Object.values(this.#onDevice ?? {})) value.release()
    this.#onDevice = undefined
  }

  /** The current weights, not copied: the next step overwrites them. Throws Error if only the device has them. */
  get weights(): Weights {
    return this.#group((name) => name)
  }

  /**
   * The current weights and moments, not copied: the next step overwrites them. Throws Error if only the device has
   * them.
   */
  tensors(): StateTensors {
    return {
      weights: this.weights,
      firstMoments: this.#group((name) => momentNames(name).first),
      secondMoments: this.#group((name) => momentNames(name).second),
    }
  }

  #group(key: (name: string) => string): Weights {
    if (!this.#isCopied) throw new Error('Internal: the weights are on the device; call toHost() first')
    return new Map(
      this.#parameters.map(({ name, shape }) => [
        name,
        { dtype: 'F32' as const, shape, data: floatData(this.#values[key(name)]) },
      ]),
    )
  }
}

/** Where training starts: at the beginning, or at a checkpoint. */
export interface TrainingStart {
  readonly state: TrainingState
  readonly progress: RunProgress
  /** the moving average of the weights, if the checkpoint has one */
  readonly averages?: Weights
}

/**
 * Returns the state and progress of the checkpoint at `path`, or those of a new run if there is none: with the weights
 * that `initial` reads, or with random ones. Throws UserError
 * if a weight, moment or average of the checkpoint is missing, not finite, or has another shape or type than its
 * parameter.
 */
export async function startOrRestore(
  path: string,
  parameters: readonly Parameter[],
  seed: number,
  initial?: () => Promise<Weights>,
): Promise<TrainingStart> {
  if (!existsSync(path)) {
    const state = initial ? TrainingState.from(parameters, await initial()) : TrainingState.start(parameters, seed)
    return { state, progress: { step: 0, epoch: 0, batch: 0, best: null } }
  }
  const checkpoint = await readCheckpoint(path)
  const byName = new Map(parameters.map((parameter) => [parameter.name, parameter]))
  const checked = (tensors: ReadonlyMap<string, TensorData>, group: string): Weights =>
    weightsOf(tensors, byName, `${group} of checkpoint "${path}"`, 'start the run again in another folder')
  const state = TrainingState.restore(parameters, {
    weights: checked(checkpoint.weights, 'weights'),
    firstMoments: checked(checkpoint.firstMoments, 'first moments'),
    secondMoments: checked(checkpoint.secondMoments, 'second moments'),
  })
  const averages = checkpoint.averages && checked(checkpoint.averages, 'averages')
  return { state, progress: checkpoint, ...(averages && { averages }) }
}

/** The outputs of a step that are read after it. */
const STEP_RESULTS = ['loss', 'gradientNorm']

/** Tells the random numbers of initialisation from those of training. */
const INITIALISATION = 0x1417

/** The random stream of a parameter: a hash of its name (FNV-1a). */
function streamOf(name: string): number {
  let hash = 0x811c9dc5
  for (const character of name) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193)
  return hash >>> 0
}
