import { ALONE, type Communicator } from '../distributed/communicator.ts'
import { gatherJson } from '../distributed/messages.ts'
import { shareOf } from '../distributed/shares.ts'
import { type HostValues, intData, type Runtime } from '../engine/session.ts'
import { floats, ints } from '../formats/host-value.ts'
import type { Tokens } from '../metrics/metric.ts'
import type { CaptionModel } from '../models/contract.ts'
import { END, type Vocabulary } from '../text/vocabulary.ts'
import { placeOf } from './batch-share.ts'
import type { Batch } from './batches.ts'
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
  /** the ranks that sample together, by default this process alone */
  readonly ranks?: Communicator
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
  /** what was collated of this rank's images: the inputs of the encoder, and their place in the batch */
  readonly inputs: HostValues
  /** the whole batch */
  readonly batch: Batch
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
  readonly #ranks: Communicator

  /** `model` returns the captioner for a number of regions. */
  constructor(runtime: Runtime, model: (regions: number) => CaptionModel, options: SelfCriticalOptions) {
    const { samples, maxLength, ranks = ALONE } = options
    this.#options = options
    this.#ranks = ranks
    this.#lengths = lengthBuckets(maxLength)
    const samplers = (captions: number, greedy: boolean) =>
      new StepSessions(runtime, ({ steps, regions }) =>
        samplerModel(model(regions), { captions, steps, greedy, shared: this.#ranks.size > 1 }),
      )
    this.#samplers = samplers(samples, false)
    this.#greedy = samplers(1, true)
  }

  /** Samples captions of this rank's images, at optimizer step `step`, with `weights`. */
  async sample({ inputs, batch, references, step, weights }: SampledImages): Promise<SampledBatch> {
    const { samples } = this.#options
    const { rank, size } = this.#ranks
    const share = shareOf(batch.images.length, rank, size)
    const own = references.slice(share.start, share.end)
    const { drawn, rewards, advantages } =
      own.length > 0 ? await this.#draw(inputs, batch.regions, own, { step, weights }) : NOTHING
    const reward = rewards.reduce((sum, value) => sum + value, 0)
    const all = await gatherJson(this.#ranks, { lengths: drawn.map(({ length }) => length), reward })
    const lengths = all.flatMap((each) => each.lengths)
    const steps = bucketOf(Math.max(...lengths), this.#lengths)!
    const mean = all.reduce((sum, each) => sum + each.reward, 0) / lengths.length
    const place = size > 1 ? placeOf(lengths, batch, share) : {}
    if (own.length === 0) return { values: place, steps, reward: mean }
    const packed = packTargets(drawn, steps, samples)
    return {
      values: {
        features: inputs.features!,
        concepts: inputs.concepts!,
        ...place,
        words: ints(packed.inputs, [steps, drawn.length]),
        targets: ints(packed.targets),
        positions: ints(packed.positions),
        [ADVANTAGES]: floats([advantages.length], advantages),
      },
      steps,
      reward: mean,
    }
  }

  async #draw(
    inputs: HostValues,
    regions: number,
    references: SampledImages['references'],
    { step, weights }: StepStart,
  ): Promise<Drawn> {
    const { samples, maxLength, baseline, seed } = this.#options
    const sizes = { steps: maxLength, regions }
    const feeds = { ...inputs, ...weights }
    const sampler = await this.#samplers.for(sizes)
    const drawn = captionsOf(await sampler.run({ ...feeds, seed: ints(seed), step: ints(step) }))
    const rewards = this.#rewards(drawn, references)
    const advantages =
      baseline === 'greedy'
        ? overGreedy(rewards, this.#rewards(captionsOf(await (await this.#greedy.for(sizes)).run(feeds)), references))
        : overOtherSamples(rewards, samples)
    return { drawn, rewards, advantages }
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

/** Samples of some images: their ids, their rewards, and these less the baseline. */
interface Drawn {
  readonly drawn: readonly (readonly number[])[]
  readonly rewards: Float64Array
  readonly advantages: Float32Array
}

const NOTHING: Drawn = { drawn: [], rewards: new Float64Array(), advantages: new Float32Array() }

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

/** Every second length from 6, since samples get shorter and longer as training goes on. */
const lengthBuckets = (longest: number): number[] => [
  ...Array.from({ length: Math.max(0, Math.ceil((longest - 6) / 2)) }, (_, i) => 6 + 2 * i),
  longest,
]
