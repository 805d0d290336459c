import type { Picture } from '../../vision/resize.ts'

/** A window of a resized picture, in its pixels. */
export interface Window {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

/**
 * Resizes a picture to `width` x `height` with PIL's bicubic filter, which widens when it shrinks, and returns the
 * pixels of a window of the result, `[window.height, window.width, 3]`. As in PIL, rows are filtered first, and their
 * values are rounded to 8 bits.
 */
export function resizeBicubic(picture: Picture, width: number, height: number, window: Window): Uint8Array {
  const columns = taps(picture.width, width, window.left, window.width)
  const rows = taps(picture.height, height, window.top, window.height)
  const firstRow = rows[0]!.first
  const lastRow = Math.max(...rows.map(({ first, weights }) => first + weights.length))
  const narrow = new Uint8ClampedArray((lastRow - firstRow) * window.width * 3)
  for (let y = firstRow, to = 0; y < lastRow; y++)
    for (const { first, weights } of columns)
      for (let channel = 0; channel < 3; channel++)
        narrow[to++] = weighted(picture.pixels, (y * picture.width + first) * 3 + channel, 3, weights)
  const resized = new Uint8ClampedArray(window.height * window.width * 3)
  const stride = window.width * 3
  let to = 0
  for (const { first, weights } of rows)
    for (let x = 0; x < stride; x++) resized[to++] = weighted(narrow, (first - firstRow) * stride + x, stride, weights)
  return new Uint8Array(resized.buffer)
}

function weighted(values: ArrayLike<number>, at: number, step: number, weights: Float64Array): number {
  let sum = 0
  for (let i = 0, from = at; i < weights.length; i++, from += step) sum += weights[i]! * values[from]!
  return Math.floor(sum + 0.5)
}

/** The first pixel that an output pixel depends on, and the weights of that pixel and the next ones. */
interface Taps {
  readonly first: number
  readonly weights: Float64Array
}

/** The taps of `count` output pixels from `start` on, along an axis that is resized from `from` pixels to `to`. */
function taps(from: number, to: number, start: number, count: number): Taps[] {
  const scale = from / to
  const widening = Math.max(scale, 1)
  const support = 2 * widening
  return Array.from({ length: count }, (_, i) => {
    const centre = (start + i + 0.5) * scale
    const first = Math.max(0, Math.trunc(centre - support + 0.5))
    const last = Math.min(from, Math.trunc(centre + support + 0.5))
    const weights = Float64Array.from({ length: last - first }, (_, k) => cubic((first + k - centre + 0.5) / widening))
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    return { first, weights: weights.map((weight) => weight / total) }
  })
}

/** Keys' cubic convolution kernel with a = -0.5. */
function cubic(x: number): number {
  const d = Math.abs(x)
  if (d < 1) return (1.5 * d - 2.5) * d * d + 1
  return d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0
}
