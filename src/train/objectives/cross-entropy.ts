import { linearCrossEntropy } from '../../graph/ops/index.ts'
import type { Objective } from './objective.ts'

/** Label-smoothed cross-entropy with the words of the captions: the target is 1 - s on the word, s / (W - 1) on each other. */
export const crossEntropy = (labelSmoothing: number): Objective => ({
  losses: ({ hidden, targets }, { weight, bias }) => linearCrossEntropy(hidden, weight, bias, targets, labelSmoothing),
})
