import { add, concat, mul, reshape, slice, type Tensor } from '../../../graph/index.ts'

/**
 * Enlarges an axis by a whole factor with linear interpolation, the first of each `times` elements at the old position,
 * as TensorFlow's ResizeBilinear without align_corners and half_pixel_centers. Elements behind the last repeat it.
 */
export function stretch(x: Tensor, axis: number, times: number): Tensor {
  if (times === 1) return x
  const size = x.shape[axis] as number
  const last = slice(x, axis, size - 1, size)
  const next = size === 1 ? x : concat([slice(x, axis, 1, size), last], axis)
  const apart = [...x.shape.slice(0, axis + 1), 1, ...x.shape.slice(axis + 1)]
  const between = Array.from({ length: times }, (_, i) => {
    const share = i / times
    return reshape(share === 0 ? x : add(mul(x, 1 - share), mul(next, share)), apart)
  })
  return reshape(concat(between, axis + 1), x.shape.with(axis, size * times))
}
