import type { Weights } from '../caption/weights.ts'
import { type HostValues, intData, type Runtime } from '../engine/session.ts'
import { floats, type HostValue, ints } from '../formats/host-value.ts'
import type { Tokens } from '../metrics/metric.ts'
import type { CaptionModel } from '../models/contract.ts'
import { END, type Vocabulary } from '../text/vocabulary.ts'
import { bucketOf } from './buckets.ts'
import type { StepStart } from './loop.ts'
import { ADVANTAGES } from './objectives/self-critical.ts'
import { packTargets } from './pack-captions.ts'
import { type Baseline, type CaptionReward, ended, overGreedy, overOtherSamples } from './rewards.ts'
import { samplerModel } from './sampling.ts'
import { StepSessions } from './step-sessions.ts'

/** How the captions of a self-critical step are drawn and rewarded. */
export interface SelfCriticalOptions {
  readonly vocabulary: Vocabulary
  readonly reward: CaptionReward
  readonly baseline: Baseline
  /** samples of each image */
  readonly samples: number
  /** words of a caption, `<end>` included */
  readonly maxLength: number
  /** seed of the samples, which are a function of it and of the step */
  readonly seed: number
}

/** A sampled batch. */
export interface SampledBatch {
  /** the inputs of the training step */
  readonly values: HostValues
  /** time steps that it needs */
  readonly steps: number
  /** mean reward of the samples */
  readonly reward: number
}

/** The images of a batch, and when they are sampled. */
export interface SampledImages extends StepStart {
  /** the inputs of the encoder */
  readonly inputs: HostValues
  /** regions of each image */
  readonly regions: number
  /** the tokenised references of each image */
  readonly references: readonly (readonly Tokens[])[]
}

/**
 * Draws captions of a batch's images with the weights of the moment and rewards them: the inputs of a self-critical
 * training step. The samples of a step are a function of the seed, the step and the weights, so that a resumed run
 * draws the same.
 */
export class SelfCriticalSampler {
  readonly #options: SelfCriticalOptions
  readonly #samplers: StepSessions
  readonly #greedy: StepSessions
  readonly #lengths: readonly number[]

  /** `model` returns the captioner for a number of regions. */
  constructor(runtime: Runtime, model: (regions: number) => CaptionModel, options: SelfCriticalOptions) {
    const { samples, maxLength } = options
    this.#options = options
    this.#lengths = lengthBuckets(maxLength)
    const samplers = (captions: number, greedy: boolean) =>
      new StepSessions(runtime, ({ steps, regions }) => samplerModel(model(regions), { captions, steps, greedy }))
    this.#samplers = samplers(samples, false)
    this.#greedy = samplers(1, true)
  }

  /** Samples captions of images, at optimizer step `step`, with `weights`. */
  async sample({ inputs, regions, references, step, weights }: SampledImages): Promise<SampledBatch> {
    const { samples, maxLength, baseline, seed } = this.#options
    const sizes = { steps: maxLength, regions }
    const feeds = { ...inputs, ...hostValues(weights) }
    const sampler = await this.#samplers.for(sizes)
    const drawn = captionsOf(await sampler.run({ ...feeds, seed: ints(seed), step: ints(step) }))
    const rewards = this.#rewards(drawn, references)
    const advantages =
      baseline === 'greedy'
        ? overGreedy(rewards, this.#rewards(captionsOf(await (await this.#greedy.for(sizes)).run(feeds)), references))
        : overOtherSamples(rewards, samples)
    const steps = bucketOf(Math.max(...drawn.map(({ length }) => length)), this.#lengths)!
    const packed = packTargets(drawn, steps, samples)
    return {
      values: {
        ...inputs,
        words: ints(packed.inputs, [steps, drawn.length]),
        targets: ints(packed.targets),
        positions: ints(packed.positions),
        [ADVANTAGES]: floats([advantages.length], advantages),
      },
      steps,
      reward: rewards.reduce((sum, value) => sum + value, 0) / rewards.length,
    }
  }

  /** Frees the samplers. */
  async release(): Promise<void> {
    await Promise.all([this.#samplers.release(), this.#greedy.release()])
  }

  #rewards(captions: readonly (readonly number[])[], references: SampledImages['references']): Float64Array {
    const { reward, vocabulary } = this.#options
    const words = captions.map((ids) => {
      const caption = vocabulary.decode(ids)
      return ids.at(-1) === END ? ended(caption) : caption
    })
    return reward.of(words, references)
  }
}

/** The ids of each sampled caption, up to and with `<end>`, from `words` `[T, N]`. */
function captionsOf({ words }: HostValues): number[][] {
  const ids = intData(words)
  const [steps, rows] = words!.shape as [number, number]
  return Array.from({ length: rows }, (_, n) => {
    const caption = Array.from({ length: steps }, (_, t) => ids[t * rows + n]!)
    const end = caption.indexOf(END)
    return end < 0 ? caption : caption.slice(0, end + 1)
  })
}

/** Weights as the inputs of a session. */
const hostValues = (weights: Weights): Record<string, HostValue> =>
  Object.fromEntries(Array.from(weights, ([name, { shape, data }]) => [name, floats(shape, data)]))

/** Every second length from 6, since samples get shorter and longer as training goes on. */
const lengthBuckets = (longest: number): number[] => [
  ...Array.from({ length: Math.max(0, Math.ceil((longest - 6) / 2)) }, (_, i) => 6 + 2 * i),
  longest,
]
