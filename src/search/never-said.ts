import { concat, constant, expand, type Tensor } from '../graph/index.ts'
import { UNKNOWN } from '../text/vocabulary.ts'

/** Minus infinity for `<pad>`, `<start>` and `<unk>`, which are never said; 0 for `<end>` and every word: `[W]`. */
export function neverSaid(size: number): Tensor {
  const special = constant([-Infinity, -Infinity, 0, -Infinity])
  return concat([special, expand(constant(0), [size - (UNKNOWN + 1)])], 0)
}
