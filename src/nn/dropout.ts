import { cast, mul, type Tensor } from '../graph/index.ts'
import type { Noise, NoiseRows } from './noise.ts'

/**
 * Dropout (Srivastava et al. 2014): each element of x is zero with probability `rate`, the others are divided by 1 -
 * rate. Without noise, that is at inference, returns x itself. `rows` numbers the rows of x in the whole batch, see
 * Noise.mask().
 */
export function dropout(x: Tensor, rate: number, noise: Noise | undefined, rows?: NoiseRows): Tensor {
  if (!noise || rate === 0) return x
  const keep = 1 - rate
  return mul(x, mul(cast(noise.mask(x.shape, keep, rows), x.dtype), 1 / keep))
}
