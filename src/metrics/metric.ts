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
}

/** References prepared once, to be scored against many times. */
export interface Scorer {
  /** The scores of one candidate for each image, in the references' order. Throws RangeError if there are more or fewer. */
  score(candidates: readonly Tokens[]): ReadonlyMap<MetricName, Score>
}

/** Names of scores, as coco-caption has them in its results. */
export type MetricName = 'Bleu_1' | 'Bleu_2' | 'Bleu_3' | 'Bleu_4' | 'CIDEr'

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
