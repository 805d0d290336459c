// Shrinking as libvips does it (vips_resize() with the kernel "linear"), for hosts without libvips: an average over
// whole pixels first, then a triangle filter. Networks magnify small differences, so that captions are the same only if
// the pixels are: they are where the filter works alone, up to a factor of 4. With an average before it they differ by
// one step of 255 now and then, and with JPEG's own shrinking, which drops frequencies, by a few.
import type { Picture } from './resize.ts'

/** How an axis is shrunk. */
export interface AxisPlan {
  /** pixels that are averaged to one */
  readonly box: number
  /** how much the filter shrinks the averages, at least 1 */
  readonly filter: number
}

/** How an image is shrunk. */
export interface ShrinkPlan {
  readonly x: AxisPlan
  readonly y: AxisPlan
}

/**
 * How libvips, as sharp calls it, shrinks a source of `width` x `height`: it averages over so many whole pixels that a
 * factor from 2 to 4 is left to the filter. JPEG is first decoded at half, a quarter or an eighth of its size, which is
 * an average too.
 */
export function shrinkPlan({ width, height }: Size, to: Size, jpeg: boolean): ShrinkPlan {
  const wanted = Math.min(Math.max(1, width / to.width), Math.max(1, height / to.height))
  const largest = [8, 4, 2].find((factor) => factor <= wanted) ?? 1
  // sharp takes the next smaller one if little is left to shrink: pipeline.cc, "known libjpeg rounding errors"
  const loaded = !jpeg ? 1 : largest > 1 && Math.floor(wanted) === largest ? largest / 2 : largest
  const along = (from: number, target: number): AxisPlan => {
    const size = Math.floor(from / loaded)
    const box = Math.max(1, Math.floor(size / (2 * target)))
    return { box: loaded * box, filter: Math.max(1, size / box / target) }
  }
  return { x: along(width, to.width), y: along(height, to.height) }
}

type Size = Pick<Picture, 'width' | 'height'>

/**
 * Averages an image over boxes, fed strip by strip, so that an image of any size fits into memory: along the columns
 * first, with the edge pixels repeated where the last box is not full, and rounded each time, as vips_shrinkv() and
 * vips_shrinkh() do. Pixels are RGBA, as a canvas gives them; the alpha channel is ignored.
 */
export class BoxAverage {
  readonly #source: Size
  readonly #plan: ShrinkPlan
  /** of the rows of the present box, `[source.width, 3]` */
  readonly #sums: Uint32Array
  readonly #result: Picture
  #rows = 0

  constructor(source: Size, plan: ShrinkPlan) {
    this.#source = source
    this.#plan = plan
    this.#sums = new Uint32Array(3 * source.width)
    const [width, height] = [Math.ceil(source.width / plan.x.box), Math.ceil(source.height / plan.y.box)]
    this.#result = { width, height, pixels: new Uint8Array(width * height * 3) }
  }

  /** Adds the next rows, `[rows, source.width, 4]`. */
  add(strip: Uint8ClampedArray): void {
    const { width, height } = this.#source
    const { box } = this.#plan.y
    for (let at = 0; at < strip.length; at += 4 * width) {
      const row = this.#rows++
      const missing = this.#rows === height ? this.#result.height * box - height : 0
      for (let x = 0, to = 0, from = at; x < width; x++, from += 4)
        for (let channel = 0; channel < 3; channel++) this.#sums[to++]! += (1 + missing) * strip[from + channel]!
      if ((row + 1) % box === 0 || this.#rows === height) this.#finishRow(Math.floor(row / box))
    }
  }

  /** The averages, after all rows. */
  finish(): Picture {
    return this.#result
  }

  #finishRow(row: number): void {
    const { x, y } = this.#plan
    const { width, pixels } = this.#result
    for (let column = 0; column < width; column++)
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0
        for (let k = 0; k < x.box; k++) {
          const from = Math.min(column * x.box + k, this.#source.width - 1)
          sum += mean(this.#sums[3 * from + channel]!, y.box)
        }
        pixels[3 * (row * width + column) + channel] = mean(sum, x.box)
      }
    this.#sums.fill(0)
  }
}

/** A rounded mean, by multiplication with the reciprocal in 24 bits as libvips does it. */
const mean = (sum: number, count: number): number =>
  Math.floor(((sum + Math.floor(count / 2)) * Math.floor(2 ** 24 / count)) / 2 ** 24)

/**
 * Brings averages to the size wanted by a triangle filter as wide as two pixels of the result, along the columns first.
 * Axes that are smaller already stay. `strip` is one of STRIP_ROWS.
 */
export function shrinkLinear(average: Picture, plan: ShrinkPlan, to: Size, strip: number): Picture {
  const height = Math.min(to.height, average.height)
  const width = Math.min(to.width, average.width)
  return shrinkRows(shrinkColumns(average, plan.y.filter, height, strip), plan.x.filter, width)
}

function shrinkColumns(
  { width, height: from, pixels }: Picture,
  shrink: number,
  height: number,
  strip: number,
): Picture {
  if (from === height) return { width, height, pixels }
  const row = 3 * width
  const result = new Uint8Array(height * row)
  for (const [y, { first, weights }] of taps(height, shrink, strip).entries())
    for (let at = 0; at < row; at++) {
      let sum = ONE / 2
      for (let k = 0; k < weights.length; k++) sum += weights[k]! * pixels[inside(first + k, from) * row + at]!
      result[y * row + at] = sum / ONE
    }
  return { width, height, pixels: result }
}

function shrinkRows({ width: from, height, pixels }: Picture, shrink: number, width: number): Picture {
  if (from === width) return { width, height, pixels }
  const result = new Uint8Array(height * width * 3)
  for (const [x, { first, weights }] of taps(width, shrink, width).entries())
    for (let y = 0; y < height; y++)
      for (let channel = 0; channel < 3; channel++) {
        let sum = ONE / 2
        for (let k = 0; k < weights.length; k++)
          sum += weights[k]! * pixels[(y * from + inside(first + k, from)) * 3 + channel]!
        result[(y * width + x) * 3 + channel] = sum / ONE
      }
  return { width, height, pixels: result }
}

/** The edge pixels extend outwards. */
const inside = (at: number, size: number): number => Math.max(0, Math.min(size - 1, at))

/** The pixels of a filter's window and their weights, which sum to a little less than ONE. */
interface Taps {
  readonly first: number
  readonly weights: Int32Array
}

/** libvips takes filter weights at 64 positions between two pixels, and stores them with 12 bits, cut off. */
const POSITIONS = 64
const ONE = 4096

/** libvips works on strips of so many rows: of a file that it decodes, and of pixels that it is given. */
export const STRIP_ROWS = { file: 10, pixels: 16 } as const

/**
 * The window of each of `to` pixels, each `shrink` pixels of the source (libvips: reducev.cpp, reduceh.cpp). Positions
 * are added up from the start of a strip, as there: a product would round other positions up.
 */
function taps(to: number, shrink: number, strip: number): Taps[] {
  const count = 2 * Math.round(shrink) + 1
  let centre = 0
  return Array.from({ length: to }, (_, i) => {
    centre = i % strip === 0 ? (i + 0.5) * shrink : centre + shrink
    const first = Math.floor(centre)
    const part = Math.round((centre - first) * POSITIONS) / POSITIONS
    const weights = Array.from({ length: count }, (__, k) =>
      Math.max(0, 1 - Math.abs(k + 1 - part - count / 2) / shrink),
    )
    const sum = weights.reduce((total, weight) => total + weight, 0)
    const cutOff = Int32Array.from(weights, (weight) => (weight / sum) * ONE)
    return { first: first - (count - 1) / 2, weights: cutOff }
  })
}
