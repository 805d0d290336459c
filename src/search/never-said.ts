import { concat, constant, expand, type Tensor } from '../graph/index.ts'
import { UNKNOWN } from '../text/vocabulary.ts'

/**
 * What is added to the logits of words: `penalty` for `<pad>`, `<start>` and `<unk>`, which are never said, 0 for
 * `<end>` and every word; `[W]`.
 */
export function neverSaid(size: number, penalty = -Infinity): Tensor {
  const special = constant([penalty, penalty, 0, penalty])
  return concat([special, expand(constant(0), [size - (UNKNOWN + 1)])], 0)
}
