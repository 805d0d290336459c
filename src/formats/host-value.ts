import type { DType } from '../graph/index.ts'

/** The typed arrays that hold the elements of tensors. */
export type NumericArray =
  | Float32Array
  | Float64Array
  | Uint16Array
  | BigInt64Array
  | Int32Array
  | Uint32Array
  | Uint8Array

/** A tensor in JavaScript's memory, row-major: float16 as its bits in a Uint16Array, bool as one byte per element. */
export interface HostValue {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: NumericArray
}

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const

/** The constructor of the typed array that holds elements of a type. */
export const arrayOf = (dtype: DType): (typeof ARRAYS)[DType] => ARRAYS[dtype]

/** The number of elements of a shape: the product of its sizes, 1 for the scalar `[]`. */
export const elementCount = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1)

/** A float32 value of `shape`, by default zeros. */
export const floats = (
  shape: readonly number[],
  data: Float32Array = new Float32Array(elementCount(shape)),
): HostValue => ({ dtype: 'float32', shape, data })

/** An int32 value: a scalar from a number, a vector from an array unless `shape` is given. */
export const ints = (data: number | Int32Array, shape?: readonly number[]): HostValue =>
  typeof data === 'number'
    ? { dtype: 'int32', shape: [], data: Int32Array.of(data) }
    : { dtype: 'int32', shape: shape ?? [data.length], data }
