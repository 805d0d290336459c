import { cast, div, greater, mul, reshape, sub, sum, type Tensor } from '../graph/index.ts'

// Padding masks, `[B, N]` float32: 1 for a real row of `[B, N, D]`, 0 for a padded one. Without padding the mask is
// undefined and nothing is computed.

/** The mask of `[B, N, F]`: rows in which every number is 0 are padding. */
export const rowMask = (x: Tensor): Tensor => cast(greater(sum(mul(x, x), [2]), 0), 'float32')

/** What to add to logits before a softmax, `[B, N]`: 0, or -1e9 for padding, whose probability becomes exactly 0. */
export const maskBias = (mask: Tensor): Tensor => mul(sub(mask, 1), 1e9)

/** maskBias() for multi-head attention: mask `[B, N]` of keys → `[B, 1, 1, N]`. */
export const keyBias = (mask: Tensor): Tensor => reshape(maskBias(mask), [mask.shape[0]!, 1, 1, mask.shape[1]!])

/** `[B, N, D]` with padded rows set to 0; `mask` is `[B, N]`. */
export const masked = (x: Tensor, mask: Tensor | undefined): Tensor => (mask ? mul(x, asColumn(mask)) : x)

/** The mean over rows without padding, `[B, N, D]` → `[B, D]`; `mask` is `[B, N]`. */
export const meanOver = (x: Tensor, mask: Tensor | undefined): Tensor =>
  mask ? div(sum(masked(x, mask), [1]), sum(mask, [1], { keep: true })) : div(sum(x, [1]), x.shape[1] as number)

const asColumn = (mask: Tensor): Tensor => reshape(mask, [mask.shape[0]!, mask.shape[1]!, 1])
