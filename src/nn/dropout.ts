import { cast, mul } from '../graph/ops/index.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Noise } from './noise.ts'

/**
 * x with each element zero with probability `rate` and the others divided by 1 - rate (Srivastava et al. 2014); x itself without noise, that is
 * when the model is used and not trained.
 */
export function dropout(x: Tensor, rate: number, noise: Noise | undefined): Tensor {
  if (!noise || rate === 0) return x
  const keep = 1 - rate
  return mul(x, mul(cast(noise.mask(x.shape, keep), x.dtype), 1 / keep))
}
