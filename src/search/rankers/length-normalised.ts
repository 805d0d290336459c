import type { Ranker } from './ranker.ts'

/**
 * Ranks by the log-probability divided by length^alpha, as Hugging Face's `length_penalty` does: 0 does not normalise,
 * 1 is the mean per word. Throws RangeError for an alpha below 0.
 */
export function lengthNormalisedRanker(alpha: number): Ranker {
  if (!(alpha >= 0)) throw new RangeError(`Cannot rank with a length penalty of ${alpha}: it must be at least 0`)
  const score = (logProb: number, length: number): number => logProb / length ** alpha
  return { score, bound: (logProb, length, maxLength) => score(logProb, Math.max(length, maxLength)) }
}
