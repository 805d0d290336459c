// How a captioner's batches become training steps, for each objective.
import type { RunConfig } from '../caption/run-config.ts'
import type { ImageEntry } from '../data/dataset.ts'
import type { HostValues, Runtime } from '../engine/session.ts'
import { createCaptioner } from '../models/create-captioner.ts'
import type { Vocabulary } from '../text/vocabulary.ts'
import type { Batch } from './batches.ts'
import type { PreparedStep, StepStart } from './loop.ts'
import { crossEntropy } from './objectives/cross-entropy.ts'
import type { Objective } from './objectives/objective.ts'
import { selfCritical } from './objectives/self-critical.ts'
import { CaptionReward } from './rewards.ts'
import { SelfCriticalSampler } from './self-critical.ts'
import { trainingStep } from './step.ts'
import { StepSessions, type StepSizes } from './step-sessions.ts'

/** The training images and the vocabulary of their captions. */
export interface CaptionedImages {
  readonly images: readonly ImageEntry[]
  readonly vocabulary: Vocabulary
}

/** The training steps of a captioner. */
export interface CaptionerSteps {
  /** Prepares a step, as the training loop asks for: see TrainingTask. */
  prepare(batch: Batch, collated: HostValues, now: StepStart): Promise<PreparedStep>
  /** Frees the compiled graphs. */
  release(): Promise<void>
}

/** The training steps of a run's objective. */
export const captionerSteps = (runtime: Runtime, config: RunConfig, data: CaptionedImages): CaptionerSteps =>
  config.training.objective.kind === 'self-critical'
    ? new SelfCriticalSteps(runtime, config, data, config.training.objective)
    : new CrossEntropySteps(runtime, config)

/** Steps on the references. */
class CrossEntropySteps implements CaptionerSteps {
  readonly #sessions: StepSessions

  constructor(runtime: Runtime, config: RunConfig) {
    const objective = crossEntropy(config.training.labelSmoothing)
    this.#sessions = new StepSessions(runtime, (sizes) => stepModel(config, sizes, objective))
  }

  async prepare(batch: Batch, values: HostValues): Promise<PreparedStep> {
    return { session: await this.#sessions.for(batch), values }
  }

  release(): Promise<void> {
    return this.#sessions.release()
  }
}

/** Steps on samples of the model itself. */
class SelfCriticalSteps implements CaptionerSteps {
  readonly #sessions: StepSessions
  readonly #sampler: SelfCriticalSampler
  readonly #references: readonly (readonly (readonly string[])[])[]

  constructor(
    runtime: Runtime,
    config: RunConfig,
    { images, vocabulary }: CaptionedImages,
    { baseline, bleuReward }: Extract<RunConfig['training']['objective'], { kind: 'self-critical' }>,
  ) {
    const { captionsPerImage: samples, maxLength, seed } = config.training
    this.#references = images.map(({ tokens }) => tokens.map((caption) => caption.split(' ')))
    const reward = new CaptionReward(this.#references, bleuReward)
    const modelOf = (regions: number) => createCaptioner({ ...config.model, regions })
    this.#sampler = new SelfCriticalSampler(runtime, modelOf, {
      vocabulary,
      reward,
      baseline,
      samples,
      maxLength,
      seed,
    })
    this.#sessions = new StepSessions(runtime, (sizes) => stepModel(config, sizes, selfCritical))
  }

  async prepare({ images, regions }: Batch, collated: HostValues, now: StepStart): Promise<PreparedStep> {
    const inputs = { features: collated.features!, concepts: collated.concepts! }
    const references = Array.from(images, (image) => this.#references[image]!)
    const { values, steps, reward } = await this.#sampler.sample({ inputs, regions, references, ...now })
    return { session: await this.#sessions.for({ steps, regions }), values, reward }
  }

  async release(): Promise<void> {
    await Promise.all([this.#sessions.release(), this.#sampler.release()])
  }
}

/** The training step of a run as an ONNX model. The number of regions changes no weight. */
function stepModel({ model, training }: RunConfig, { steps, regions }: StepSizes, objective: Objective): Uint8Array {
  const { captionsPerImage: captions, adam, gradientClipping: clipping } = training
  return trainingStep(createCaptioner({ ...model, regions }), { captions, steps, objective, adam, clipping })
}
