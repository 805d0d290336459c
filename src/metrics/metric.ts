/** The words of a caption. */
export type Tokens = readonly string[]

/** A candidate caption and the references of the same image. */
export interface Pair {
  readonly candidate: Tokens
  /** At least one. */
  readonly references: readonly Tokens[]
}

/** A score of a corpus and of each of its images. */
export interface Score {
  /** The corpus score; not the mean of the images' scores for metrics that pool counts (BLEU, METEOR). */
  readonly corpus: number
  /** By image; NaN where the score is undefined. */
  readonly each: readonly number[]
  /** The corpus score of a multiset of images, given by index: what bootstrap resampling needs. */
  of(images: ArrayLike<number>): number
}

/** References that are prepared once, for scoring many sets of candidates. */
export interface Scorer {
  /** Scores one candidate per image, in the order of the references. Throws RangeError for another number. */
  score(candidates: readonly Tokens[]): ReadonlyMap<MetricName, Score>
}

/**
 * Names of scores. Scores of coco-caption have its names; scores that differ from it have names that it does not use.
 */
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
  | 'CLIPScore'
  | 'RefCLIPScore'

/** The subsets of scene graph tuples that SPICE also scores separately. */
export type SpicePart = 'object' | 'relation' | 'attribute' | 'color' | 'count' | 'size'

/** A metric, which may compute several scores in one pass. */
export interface Metric {
  /** The scores it computes. */
  readonly names: readonly MetricName[]
  /** Its part of the signature: `key:value` pairs joined by `|`. */
  readonly choices: string
  /** The best possible score; the worst is 0. */
  readonly best: number
  /** Prepares the references, at least one per image. Throws RangeError for an image without references. */
  prepare(references: readonly (readonly Tokens[])[]): Scorer
}

/** An image with its caption and its references, none of them tokenised. */
export interface CaptionedImage {
  /** The image id, as the results file has it. */
  readonly id: string | number
  /** The image's file, if the references name it. */
  readonly file: string | undefined
  readonly caption: string
  /** At least one. */
  readonly references: readonly string[]
}

/** A metric of the images themselves, and of captions as they are written, such as CLIPScore. */
export interface ImageMetric extends Omit<Metric, 'prepare'> {
  /** Scores one caption of each image. */
  score(images: readonly CaptionedImage[]): Promise<ReadonlyMap<MetricName, Score>>
}

/** Scores candidates against references, one pair per image. Throws RangeError for an image without references. */
export function scorePairs(metric: Metric, pairs: readonly Pair[]): ReadonlyMap<MetricName, Score> {
  return metric.prepare(pairs.map((pair) => pair.references)).score(pairs.map((pair) => pair.candidate))
}

/** A score whose corpus value is the mean over images, ignoring NaN. */
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

/**
 * A score computed from pooled counts: `finish` maps the sum of the images' statistics to the score. `statistics` is
 * `[images, width]`, flattened.
 */
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

/** Throws RangeError if an image has no references. */
export function checkReferences(references: readonly (readonly Tokens[])[]): void {
  const without = references.findIndex((captions) => captions.length === 0)
  if (without >= 0) throw new RangeError(`Cannot score image ${without}: it has no references`)
}

/** Throws RangeError unless there is one candidate per image. */
export function checkCandidates(candidates: readonly Tokens[], images: number): void {
  if (candidates.length !== images)
    throw new RangeError(`Cannot score ${candidates.length} candidates: there are references for ${images} images`)
}
