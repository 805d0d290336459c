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
import type { SharedSteps } from './shared-step.ts'
import { gradientStep, trainingStep } from './step.ts'
import { StepSessions } from './step-sessions.ts'

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

/** The training steps of a run's objective; `shared` are those of several ranks. */
export const captionerSteps = (
  runtime: Runtime,
  config: RunConfig,
  data: CaptionedImages,
  shared?: SharedSteps,
): CaptionerSteps =>
  config.training.objective.kind === 'self-critical'
    ? new SelfCriticalSteps(runtime, config, data, config.training.objective, shared)
    : new CrossEntropySteps(runtime, config, shared)

/** The compiled steps of an objective, of several ranks those up to their gradients. */
function sessionsOf(
  runtime: Runtime,
  { model, training }: RunConfig,
  objective: Objective,
  shared: SharedSteps | undefined,
): StepSessions {
  const { captionsPerImage: captions, adam, gradientClipping: clipping } = training
  return new StepSessions(shared ?? runtime, ({ steps, regions }) => {
    const padded = createCaptioner({ ...model, regions }) // the number of regions changes no weight
    const options = { captions, steps, objective }
    return shared
      ? gradientStep(padded, options, shared.gradientType)
      : trainingStep(padded, { ...options, adam, clipping })
  })
}

/** Steps on the references. */
class CrossEntropySteps implements CaptionerSteps {
  readonly #sessions: StepSessions

  constructor(runtime: Runtime, config: RunConfig, shared: SharedSteps | undefined) {
    this.#sessions = sessionsOf(runtime, config, crossEntropy(config.training.labelSmoothing), shared)
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
    shared: SharedSteps | undefined,
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
      ...(shared && { ranks: shared.team.ranks }),
    })
    this.#sessions = sessionsOf(runtime, config, selfCritical, shared)
  }

  async prepare(batch: Batch, collated: HostValues, now: StepStart): Promise<PreparedStep> {
    const { regions } = batch
    const references = Array.from(batch.images, (image) => this.#references[image]!)
    const { values, steps, reward } = await this.#sampler.sample({ inputs: collated, batch, references, ...now })
    return { session: await this.#sessions.for({ steps, regions }), values, reward }
  }

  async release(): Promise<void> {
    await Promise.all([this.#sessions.release(), this.#sampler.release()])
  }
}
