import { add, gather, input, linearCrossEntropy, mul } from '../../graph/index.ts'
import { neverSaid } from '../../search/never-said.ts'
import type { Objective } from './objective.ts'

/** A logit that is as good as -Infinity, and whose product with 0 is 0. */
const NEVER = -1e4

/** The name of the graph input with the advantage of each caption, float32 `[B*C]`, image by image. */
export const ADVANTAGES = 'advantages'

/**
 * Self-critical training (Rennie et al., CVPR 2017, equations 7 to 9): the captions are samples of the model, and the
 * loss of each word is -log p(word) times its caption's advantage, the reward less a baseline. Its gradient is
 * REINFORCE's estimate of that of the expected reward.
 *
 * The probability is that among words that can be said, from which samples are drawn. In a softmax over all words, what
 * bad samples lose would go to `<unk>`, which no sample has and no reward takes away again: after 200 steps hardly any
 * probability was left for words.
 */
export const selfCritical: Objective = {
  losses({ hidden, targets, captions }, { weight, bias }) {
    const advantages = input(ADVANTAGES, ['A'])
    const sayable = add(bias, neverSaid(weight.shape[0] as number, NEVER))
    return mul(linearCrossEntropy(hidden, weight, sayable, targets, 0), gather(advantages, captions))
  },
}
