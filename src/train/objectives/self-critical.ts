import { gather, input, linearCrossEntropy, mul } from '../../graph/index.ts'
import type { Objective } from './objective.ts'

/** The name of the graph input with the advantage of each caption, float32 `[B*C]`, image by image. */
export const ADVANTAGES = 'advantages'

/**
 * Self-critical training (Rennie et al., CVPR 2017, equations 7 to 9): the captions are samples of the model, and the
 * loss of each word is -log p(word) times its caption's advantage, the reward less a baseline. Its gradient is
 * REINFORCE's estimate of that of the expected reward.
 */
export const selfCritical: Objective = {
  losses({ hidden, targets, captions }, { weight, bias }) {
    const advantages = input(ADVANTAGES, ['A'])
    return mul(linearCrossEntropy(hidden, weight, bias, targets, 0), gather(advantages, captions))
  },
}
