import type { Hypothesis } from './trace.ts'

/**
 * The role that compares the hypotheses of an image once more when the search is over, by what it did not know while
 * they grew: the value is added to the ranker's score. `image` is an index of the batch.
 */
export type Rescorer = (image: number, words: readonly number[]) => number

/**
 * Rescores by words that speak for a caption: `weight` times the sum of the values of its words, each word counted
 * once. `values` has a value for each word id of each image, as found by a detector (Fang et al., "From Captions to
 * Visual Concepts and Back", CVPR 2015, section 5, rescore the best hypotheses by what was detected, too).
 */
export const wordRescorer =
  (values: readonly ReadonlyMap<number, number>[], weight: number): Rescorer =>
  (image, words) =>
    weight * [...new Set(words)].reduce((sum, word) => sum + (values[image]!.get(word) ?? 0), 0)

/** The `keep` best hypotheses by `score`, finished ones first; of equal ones the earlier is first. */
export const rescored = (
  hypotheses: readonly Hypothesis[],
  score: (hypothesis: Hypothesis) => number,
  keep: number,
): Hypothesis[] =>
  hypotheses
    .map((hypothesis) => ({ hypothesis, score: score(hypothesis) }))
    .sort((a, b) => Number(b.hypothesis.finished) - Number(a.hypothesis.finished) || b.score - a.score)
    .slice(0, keep)
    .map(({ hypothesis }) => hypothesis)
