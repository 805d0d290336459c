import { cast, div, greater, mul, reshape, sub, sum } from '../graph/ops/index.ts'
import type { Tensor } from '../graph/tensor.ts'

/*
 * Masks of padding, `[B, N]` float32: 1 for a row of `[B, N, D]` that is there, 0 for one that only fills the batch. Where every row is there
 * the mask is undefined and costs nothing.
 */

/** Which rows of `[B, N, F]` are there: padding is a row of nothing but zeros. */
export const rowMask = (x: Tensor): Tensor => cast(greater(sum(mul(x, x), [2]), 0), 'float32')

/** What is added to scores before a softmax so that padding gets exactly nothing: 0 or -1e9, `[B, N]`. */
export const maskBias = (mask: Tensor): Tensor => mul(sub(mask, 1), 1e9)

/** `[B, N, D]` with zeros for padding. */
export const masked = (x: Tensor, mask: Tensor | undefined): Tensor => (mask ? mul(x, asColumn(mask)) : x)

/** The mean over rows, `[B, N, D]` → `[B, D]`, padding left out. */
export const meanOver = (x: Tensor, mask: Tensor | undefined): Tensor =>
  mask ? div(sum(masked(x, mask), [1]), sum(mask, [1], { keep: true })) : div(sum(x, [1]), x.shape[1] as number)

const asColumn = (mask: Tensor): Tensor => reshape(mask, [mask.shape[0]!, mask.shape[1]!, 1])
