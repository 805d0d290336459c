import { frontAxis } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { div } from './elementwise.ts'
import { count, sum } from './movement.ts'

/** The mean over `axes`; with `keep` they stay as axes of size 1. */
export function mean(x: Tensor, axes: readonly number[], { keep = false } = {}): Tensor {
  const front = axes.map((axis) => frontAxis('average', axis, x.shape))
  return div(sum(x, front, { keep }), count(x, front))
}
