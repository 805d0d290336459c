import type { Ranker } from './ranker.ts'

/**
 * Ranks by the sum of the words' log-probabilities, without any normalisation by length, as the published search does.
 */
export const logProbRanker: Ranker = {
  score: (logProb) => logProb,
  bound: (logProb) => logProb,
}
