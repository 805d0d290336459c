import { Random } from '../random.ts'
import type { Score } from './metric.ts'

export interface BootstrapOptions {
  /** how often images are drawn anew */
  readonly samples: number
  readonly seed: number
}

/** Two systems on the same images: how far the other's score is from the first's, and whether that may be chance. */
export interface Comparison {
  readonly other: number
  /** the other's score less the first's */
  readonly difference: number
  /** in which 95% of the samples' differences lie */
  readonly interval: Interval
  /** how likely a difference this large would be if the systems were equally good */
  readonly p: number
}

/** From, to. */
export type Interval = readonly [low: number, high: number]

/**
 * Draws as many images as there are, with replacement, again and again, and scores each draw: in what range scores of other images of this kind would
 * lie (Koehn, EMNLP 2004). The images' own weights in CIDEr stay those of all images. Every score is drawn from the same images.
 */
export function bootstrap(scores: readonly Score[], { samples, seed }: BootstrapOptions): Interval[] {
  const drawn = scores.map(() => new Float64Array(samples))
  for (const [sample, images] of draws(scores[0]?.each.length ?? 0, { samples, seed }))
    for (const [i, score] of scores.entries()) drawn[i]![sample] = score.of(images)
  return drawn.map(middle95)
}

/**
 * The paired bootstrap test: both systems are scored on the same draws, so that images hard for both do not hide which is better. `p` is how often a draw's
 * difference is as far from the mean of all draws' as the true difference is from 0 (Riezler and Maxwell, 2005), never less than 1 / (samples + 1).
 */
export function compare(
  scores: readonly Score[],
  others: readonly Score[],
  { samples, seed }: BootstrapOptions,
): Comparison[] {
  const drawn = scores.map(() => new Float64Array(samples))
  for (const [sample, images] of draws(scores[0]?.each.length ?? 0, { samples, seed }))
    for (const [i, score] of scores.entries()) drawn[i]![sample] = others[i]!.of(images) - score.of(images)
  return scores.map((score, i) => {
    const other = others[i]!.corpus
    const difference = other - score.corpus
    const mean = drawn[i]!.reduce((sum, each) => sum + each, 0) / samples
    const asFar = drawn[i]!.filter((each) => Math.abs(each - mean) >= Math.abs(difference)).length
    return { other, difference, interval: middle95(drawn[i]!), p: (asFar + 1) / (samples + 1) }
  })
}

function* draws(images: number, { samples, seed }: BootstrapOptions): Generator<[number, Int32Array]> {
  const random = new Random(seed)
  const drawn = new Int32Array(images)
  for (let sample = 0; sample < samples; sample++) {
    for (let i = 0; i < images; i++) drawn[i] = random.below(images)
    yield [sample, drawn]
  }
}

function middle95(values: Float64Array): Interval {
  const sorted = values.toSorted()
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!
  return [at(0.025), at(0.975)]
}
