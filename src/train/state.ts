import { existsSync } from 'node:fs'
import { type Weights, weightsOf } from '../caption/weights.ts'
import { type RunProgress, readCheckpoint } from '../disk/checkpoint.ts'
import { floatData, type Session, type Values } from '../engine/session.ts'
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
 * The weights and Adam's moments during training. Every step overwrites them in place (see updates()): nothing is
 * allocated or copied between steps.
 */
export class TrainingState {
  readonly #parameters: readonly Parameter[]
  readonly #values: Readonly<Record<string, HostValue>>

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
    const into = Object.fromEntries(Object.entries(this.#values).map(([name, value]) => [`next.${name}`, value]))
    const results = await session.run({ ...this.#values, ...batch, ...scalars }, { into })
    return { loss: floatData(results.loss)[0]!, gradientNorm: floatData(results.gradientNorm)[0]! }
  }

  /** The current weights, not copied: the next step overwrites them. */
  get weights(): Weights {
    return this.#group((name) => name)
  }

  /** The current weights and moments, not copied: the next step overwrites them. */
  tensors(): StateTensors {
    return {
      weights: this.weights,
      firstMoments: this.#group((name) => momentNames(name).first),
      secondMoments: this.#group((name) => momentNames(name).second),
    }
  }

  #group(key: (name: string) => string): Weights {
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

/** Tells the random numbers of initialisation from those of training. */
const INITIALISATION = 0x1417

/** The random stream of a parameter: a hash of its name (FNV-1a). */
function streamOf(name: string): number {
  let hash = 0x811c9dc5
  for (const character of name) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193)
  return hash >>> 0
}
