import { fromFloat16, toFloat16 } from './float16.ts'

// Numbers as int8 in blocks: each block of a row has its own scale, a float16, and a number is its int8 times the
// scale.

/** Numbers of a block: 32 take 34 bytes, 8.5 bits each. */
export const INT8_BLOCK = 32

/** The largest magnitude of an int8 that is used: the range is symmetric, -128 is left out. */
const LARGEST = 127

/** Rows of numbers as int8 with a float16 scale for each block. */
export interface Int8Blocks {
  /** `[rows, length]` */
  readonly values: Int8Array
  /** float16 bits `[rows, blocksOf(length)]` */
  readonly scales: Uint16Array
}

/** The number of blocks of a row; the last may be shorter than the others. */
export const blocksOf = (length: number): number => Math.ceil(length / INT8_BLOCK)

/**
 * Rounds rows of `length` numbers to int8. A block's scale is its largest magnitude divided by 127, so that an error is
 * at most half the scale (and half a unit of float16 in the scale itself).
 */
export function toInt8(numbers: Float32Array, length: number): Int8Blocks {
  const values = new Int8Array(numbers.length)
  const scales = new Float32Array((numbers.length / length) * blocksOf(length))
  forBlocks(numbers.length, length, (block, first, last) => {
    let largest = 0
    for (let i = first; i < last; i++) largest = Math.max(largest, Math.abs(numbers[i]!))
    scales[block] = largest / LARGEST
  })
  const halves = toFloat16(scales)
  const rounded = fromFloat16(halves)
  forBlocks(numbers.length, length, (block, first, last) => {
    const scale = rounded[block]!
    if (scale === 0) return
    for (let i = first; i < last; i++)
      values[i] = Math.max(-LARGEST, Math.min(LARGEST, Math.round(numbers[i]! / scale)))
  })
  return { values, scales: halves }
}

/** The float32 numbers of rows of `length`. */
export function fromInt8({ values, scales }: Int8Blocks, length: number): Float32Array {
  const numbers = new Float32Array(values.length)
  const factors = fromFloat16(scales)
  forBlocks(values.length, length, (block, first, last) => {
    const scale = factors[block]!
    for (let i = first; i < last; i++) numbers[i] = values[i]! * scale
  })
  return numbers
}

/** Calls `work` for each block with its number and the indices of its numbers, `first` to `last` (exclusive). */
function forBlocks(count: number, length: number, work: (block: number, first: number, last: number) => void): void {
  let block = 0
  for (let row = 0; row < count; row += length)
    for (let first = row; first < row + length; first += INT8_BLOCK)
      work(block++, first, Math.min(first + INT8_BLOCK, row + length))
}
