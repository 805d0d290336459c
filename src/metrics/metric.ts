/** The words of a caption. */
export type Tokens = readonly string[]

/** A caption to be judged and the captions people wrote for the same image. */
export interface Pair {
  readonly candidate: Tokens
  readonly references: readonly Tokens[]
}

/** The score of all images together, which need not be the mean of theirs, and that of each image in order. */
export interface Score {
  readonly corpus: number
  readonly each: readonly number[]
  /** The score of some of the images together, an image as often as it is named: what a bootstrap asks for. */
  of(images: ArrayLike<number>): number
}

/** References prepared once, to be scored against many times. */
export interface Scorer {
  /** The scores of one candidate for each image, in the references' order. Throws RangeError if there are more or fewer. */
  score(candidates: readonly Tokens[]): ReadonlyMap<MetricName, Score>
}

/** Names of scores, as coco-caption has them in its results; those that it does not give have names that it does not use. */
export type MetricName =
  | 'Bleu_1'
  | 'Bleu_2'
  | 'Bleu_3'
  | 'Bleu_4'
  | 'METEOR'
  | 'ROUGE_L'
  | 'CIDEr'
  | 'CIDEr_plain'
  | `${'SPICE' | 'SPICE-ts'}${'' | `_${SpicePart}`}`

/** The kinds of what captions say that SPICE counts by themselves. */
export type SpicePart = 'object' | 'relation' | 'attribute' | 'color' | 'count' | 'size'

/** A way of scoring; one pass may give several scores. */
export interface Metric {
  readonly names: readonly MetricName[]
  /** What the scores depend on beside the captions, in the manner of sacrebleu's signatures. */
  readonly choices: string
  /** The best score possible; the worst is 0. */
  readonly best: number
  /** Prepares the references, several for each image. Throws RangeError for an image without any. */
  prepare(references: readonly (readonly Tokens[])[]): Scorer
}

/** Scores pairs once. */
export function scorePairs(metric: Metric, pairs: readonly Pair[]): ReadonlyMap<MetricName, Score> {
  return metric.prepare(pairs.map((pair) => pair.references)).score(pairs.map((pair) => pair.candidate))
}

/** The score that is the mean of the images' own, those left out that have none (NaN). */
export function meanScore(each: readonly number[]): Score {
  const of = (images: ArrayLike<number>): number => {
    let [sum, count] = [0, 0]
    for (let i = 0; i < images.length; i++) {
      const score = each[images[i]!]!
      if (Number.isNaN(score)) continue
      sum += score
      count += 1
    }
    return sum / count
  }
  return { corpus: of([...each.keys()]), each, of }
}

/** The score that `finish` makes of the images' counts, summed: `statistics` has `width` numbers for each image. */
export function pooledScore(
  statistics: ArrayLike<number>,
  width: number,
  finish: (counts: Float64Array) => number,
): Score {
  const of = (images: ArrayLike<number>): number => {
    const total = new Float64Array(width)
    for (let i = 0; i < images.length; i++)
      for (let k = 0, at = images[i]! * width; k < width; k++, at++) total[k]! += statistics[at]!
    return finish(total)
  }
  const images = Array.from({ length: statistics.length / width }, (_, i) => i)
  return { corpus: of(images), each: images.map((image) => of([image])), of }
}

/** Throws RangeError for an image without a reference. */
export function checkReferences(references: readonly (readonly Tokens[])[]): void {
  const without = references.findIndex((captions) => captions.length === 0)
  if (without >= 0) throw new RangeError(`Cannot score image ${without}: it has no reference`)
}

/** Throws RangeError unless there is one candidate for each image. */
export function checkCandidates(candidates: readonly Tokens[], images: number): void {
  if (candidates.length !== images)
    throw new RangeError(`Cannot score ${candidates.length} candidates: there are references of ${images} images`)
}
