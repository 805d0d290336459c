import { linearCrossEntropy } from '../../graph/index.ts'
import type { Objective } from './objective.ts'

/**
 * Cross-entropy with label smoothing s: the target distribution is 1 - s for the word and s / (W - 1) for each of the
 * other words of the vocabulary.
 */
export const crossEntropy = (labelSmoothing: number): Objective => ({
  losses: ({ hidden, targets }, { weight, bias }) => linearCrossEntropy(hidden, weight, bias, targets, labelSmoothing),
})
