import { Random } from '../random.ts'
import type { Score } from './metric.ts'

/** Options of bootstrap resampling. */
export interface BootstrapOptions {
  /** Number of resamples, at least 1. */
  readonly samples: number
  /** Seed of the resamples, an integer from 0 to 2^53 - 1. */
  readonly seed: number
}

/** The paired bootstrap test of two systems on the same images. */
export interface Comparison {
  /** The other system's corpus score. */
  readonly other: number
  /** The other system's score minus the first system's. */
  readonly difference: number
  /** 95% confidence interval of the difference. */
  readonly interval: Interval
  /** Two-sided p-value of the difference, from 1 / (samples + 1) to 1. */
  readonly p: number
}

/** Lower and upper bound. */
export type Interval = readonly [low: number, high: number]

/**
 * 95% confidence interval of each score by bootstrap resampling over images (Koehn, EMNLP 2004, section 3): draws as
 * many images as there are with replacement, `samples` times, and takes the percentiles 2.5 and 97.5. All scores share
 * the resamples. CIDEr keeps the document frequencies of all images. Throws RangeError for fewer than one resample.
 */
export function bootstrap(scores: readonly Score[], { samples, seed }: BootstrapOptions): Interval[] {
  const resampled = resamples(scores, { samples, seed }, (score, _, images) => score.of(images))
  return resampled.map(middle95)
}

/**
 * The paired bootstrap test of each score against the other system's (Koehn, EMNLP 2004, section 4): both systems are
 * scored on the same resamples. `p` is the fraction of resamples whose difference is at least as far from their mean as
 * the observed difference is from 0 (Riezler and Maxwell, 2005, the shift method), with 1 added to numerator and
 * denominator. `others[i]` belongs to `scores[i]`. Throws RangeError for fewer than one resample.
 */
export function compare(
  scores: readonly Score[],
  others: readonly Score[],
  { samples, seed }: BootstrapOptions,
): Comparison[] {
  const resampled = resamples(scores, { samples, seed }, (score, i, images) => others[i]!.of(images) - score.of(images))
  return scores.map((score, i) => {
    const other = others[i]!.corpus
    const difference = other - score.corpus
    const differences = resampled[i]!
    const mean = differences.reduce((sum, each) => sum + each, 0) / samples
    const asFar = differences.filter((each) => Math.abs(each - mean) >= Math.abs(difference)).length
    return { other, difference, interval: middle95(differences), p: (asFar + 1) / (samples + 1) }
  })
}

/** By score, the `samples` values of a statistic on resampled images. */
function resamples(
  scores: readonly Score[],
  { samples, seed }: BootstrapOptions,
  statistic: (score: Score, index: number, images: Int32Array) => number,
): Float64Array[] {
  if (!Number.isSafeInteger(samples) || samples < 1)
    throw new RangeError(`Cannot bootstrap with ${samples} samples: it must be an integer of at least 1`)
  const values = scores.map(() => new Float64Array(samples))
  const random = new Random(seed)
  const images = new Int32Array(scores[0]?.each.length ?? 0)
  for (let sample = 0; sample < samples; sample++) {
    for (let i = 0; i < images.length; i++) images[i] = random.below(images.length)
    for (const [i, score] of scores.entries()) values[i]![sample] = statistic(score, i, images)
  }
  return values
}

/** The percentiles 2.5 and 97.5. */
function middle95(values: Float64Array): Interval {
  const sorted = values.toSorted()
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!
  return [at(0.025), at(0.975)]
}
