import type { Engine } from '../../engine/engine.ts'
import type { Session } from '../../engine/session.ts'
import { input } from '../../graph/index.ts'
import { Noise } from '../../nn/noise.ts'
import type { Parameter } from '../../nn/scope.ts'
import { toOnnx } from '../../onnx/export.ts'
import { AccumulatingStep } from '../accumulating-step.ts'
import { updates } from '../update.ts'
import { isNew, PER_IMAGE, type TuningModel } from './tuning-model.ts'
import type { View, Views } from './views.ts'

/** Adam's hyperparameters while a network is tuned. */
export const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }

/** The views of a step, and what it trains. */
export interface TuningBatch {
  readonly views: readonly View[]
  readonly newLayersOnly: boolean
  /** time steps of the captions; 1 without a captioner */
  readonly steps: number
}

/** What the steps of a tuning depend on. */
export interface StepOptions {
  readonly engine: Engine
  readonly learningRate: number
  readonly newLearningRate: number
  readonly batchSize: number
  readonly imagesAtOnce: number
}

/**
 * The compiled training steps, of the new layers alone and of all, for each length of captions. Each is compiled when
 * first needed.
 */
export class TuningSteps {
  readonly #model: TuningModel
  readonly #type: Views['type']
  readonly #options: StepOptions
  readonly #sessions = new Map<string, Promise<Session>>()

  constructor(model: TuningModel, type: Views['type'], options: StepOptions) {
    this.#model = model
    this.#type = type
    this.#options = options
  }

  /** The session of a batch's step. Throws EngineError if the engine refuses it. */
  for({ newLayersOnly, steps }: TuningBatch): Promise<Session> {
    const all = [...this.#model.parameters.values()]
    const key = `${newLayersOnly} ${steps}`
    const session =
      this.#sessions.get(key) ?? this.#compile(newLayersOnly ? all.filter(({ name }) => isNew(name)) : all, steps)
    this.#sessions.set(key, session)
    return session
  }

  /** Frees the sessions. */
  async release(): Promise<void> {
    for (const session of await Promise.allSettled(this.#sessions.values()))
      if (session.status === 'fulfilled') session.value.release()
  }

  /** Compiles a training step of some of the parameters, for captions of so many time steps. */
  async #compile(parameters: readonly Parameter[], steps: number): Promise<Session> {
    const { engine, learningRate, newLearningRate, batchSize, imagesAtOnce } = this.#options
    const scalar = (name: string) => input(name, [], 'int32')
    const { constants } = this.#model
    const sizes = { type: this.#type, steps }
    const options = {
      adam: ADAM,
      clipping: { kind: 'none' },
      rateOf: (name: string) => (isNew(name) ? newLearningRate / learningRate : 1),
    } as const
    if (imagesAtOnce >= batchSize) {
      const { loss } = this.#model.losses(sizes, new Noise(scalar('seed'), scalar('step')))
      return engine.runtime.load(toOnnx(updates(parameters, loss, options), constants))
    }
    const shard = { before: scalar('imagesBefore'), total: scalar('imagesTotal') }
    const { loss } = this.#model.losses(sizes, new Noise(scalar('seed'), scalar('step'), shard))
    return AccumulatingStep.load(engine.runtime, parameters, loss, {
      ...options,
      perImage: PER_IMAGE,
      imagesAtOnce,
      constants,
    })
  }
}
