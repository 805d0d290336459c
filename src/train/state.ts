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

/** What a step says of itself. */
export interface StepResult {
  readonly loss: number
  readonly gradientNorm: number
}

/** Weights and Adam's moments, by parameter name. */
export interface StateTensors {
  readonly weights: Weights
  readonly firstMoments: Weights
  readonly secondMoments: Weights
}

/** The weights and their moments while they are trained. Every step writes them in place (see updates()), so nothing is allocated or copied between steps. */
export class TrainingState {
  readonly #parameters: readonly Parameter[]
  readonly #values: Readonly<Record<string, HostValue>>

  private constructor(parameters: readonly Parameter[], values: Readonly<Record<string, HostValue>>) {
    this.#parameters = parameters
    this.#values = values
  }

  /** Weights as their initialisers make them, each from its own stream of random numbers: a new parameter changes no other. */
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

  /** The state that a checkpoint holds. */
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
      for (const [key, tensors] of sources) values[key] = floats(shape, Float32Array.from(tensors.get(name)!.data))
    }
    return new TrainingState(parameters, values)
  }

  /** Does step number `step` (the first is 1) on a batch. */
  async step(
    session: Session,
    batch: Values,
    { step, seed, learningRate, adam }: { step: number; seed: number; learningRate: number; adam: AdamOptions },
  ): Promise<StepResult> {
    const { rate, floor } = adamRates(step, learningRate, adam)
    const scalars = {
      rate: floats([], Float32Array.of(rate)),
      floor: floats([], Float32Array.of(floor)),
      seed: ints(seed),
      step: ints(step),
    }
    const into = Object.fromEntries(Object.entries(this.#values).map(([name, value]) => [`next.${name}`, value]))
    const results = await session.run({ ...this.#values, ...batch, ...scalars }, { into })
    return { loss: floatData(results.loss)[0]!, gradientNorm: floatData(results.gradientNorm)[0]! }
  }

  /** The weights as they are now; the next step overwrites them. */
  get weights(): ReadonlyMap<string, HostValue> {
    return new Map(this.#parameters.map(({ name }) => [name, this.#values[name]!]))
  }

  /** Weights and moments as they are now, for a checkpoint; the next step overwrites them. */
  tensors(): Readonly<Record<keyof StateTensors, Weights>> {
    const group = (key: (name: string) => string) =>
      new Map(
        this.#parameters.map(({ name, shape }) => [
          name,
          { dtype: 'F32' as const, shape, data: floatData(this.#values[key(name)]) },
        ]),
      )
    return {
      weights: group((name) => name),
      firstMoments: group((name) => momentNames(name).first),
      secondMoments: group((name) => momentNames(name).second),
    }
  }
}

/**
 * Returns the state and progress of the checkpoint at `path`, or those of a new run if there is none. Throws UserError if
 * a weight, moment or average of the checkpoint is missing, not finite, or has another shape or type than its parameter.
 */
export async function startOrRestore(
  path: string,
  parameters: readonly Parameter[],
  seed: number,
): Promise<{ state: TrainingState; progress: RunProgress; averages?: Weights }> {
  if (!existsSync(path))
    return { state: TrainingState.start(parameters, seed), progress: { step: 0, epoch: 0, batch: 0, best: null } }
  const checkpoint = await readCheckpoint(path)
  const byName = new Map(parameters.map((parameter) => [parameter.name, parameter]))
  const checked = (tensors: ReadonlyMap<string, TensorData>, group: string): Weights =>
    weightsOf(tensors, byName, `${group} of checkpoint "${path}"`, 'begin the run anew in another folder')
  const state = TrainingState.restore(parameters, {
    weights: checked(checkpoint.weights, 'weights'),
    firstMoments: checked(checkpoint.firstMoments, 'first moments'),
    secondMoments: checked(checkpoint.secondMoments, 'second moments'),
  })
  const averages = checkpoint.averages && checked(checkpoint.averages, 'averages')
  return { state, progress: checkpoint, ...(averages && { averages }) }
}

const INITIALISATION = 0x1417

/** A stream number from a parameter's name (FNV-1a). */
function streamOf(name: string): number {
  let hash = 0x811c9dc5
  for (const character of name) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193)
  return hash >>> 0
}
