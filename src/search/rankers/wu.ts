import type { Ranker } from './ranker.ts'

/**
 * Ranks by the log-probability divided by ((5 + length) / 6)^alpha, the length penalty of Wu et al. 2016 ("Google's
 * Neural Machine Translation System", section 7) without coverage. Throws RangeError for an alpha below 0.
 */
export function wuRanker(alpha: number): Ranker {
  if (!(alpha >= 0)) throw new RangeError(`Cannot rank with Wu's length penalty of ${alpha}: it must be at least 0`)
  const score = (logProb: number, length: number): number => logProb / ((5 + length) / 6) ** alpha
  return { score, bound: (logProb, length, maxLength) => score(logProb, Math.max(length, maxLength)) }
}
