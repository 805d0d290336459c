import type { DType } from '../graph/tensor.ts'

export type TypedArray =
  | Float32Array
  | Float64Array
  | Uint16Array
  | BigInt64Array
  | Int32Array
  | Uint32Array
  | Uint8Array

/** Numbers that go into a run or come out of one. float16 is carried as its bits, bool as bytes. */
export interface Value {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: TypedArray
}

export type Values = Readonly<Record<string, Value>>

/** A model ready to run. */
export interface Session {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  /**
   * Runs the model off the main thread. The results that `into` names are written to its values, which must have their shape and must not be read
   * or written meanwhile; `wanted`, by default all, are the outputs to return.
   */
  run(feeds: Values, options?: { readonly into?: Values; readonly wanted?: readonly string[] }): Promise<Values>
  release(): void
}

/** The engine behind the sessions: ONNX Runtime in Node or in a page. */
export interface Runtime {
  load(model: Uint8Array): Promise<Session>
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

/** The typed array that carries a type. */
export const arrayOf = (dtype: DType): (typeof ARRAYS)[DType] => ARRAYS[dtype]

/** The number of elements of a shape. */
export const elements = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

/** A float32 value, zeros if no data are given. */
export const floats = (shape: readonly number[], data: Float32Array = new Float32Array(elements(shape))): Value => ({
  dtype: 'float32',
  shape,
  data,
})

/** An int32 value; a scalar for a number. */
export const ints = (data: number | Int32Array, shape?: readonly number[]): Value =>
  typeof data === 'number'
    ? { dtype: 'int32', shape: [], data: Int32Array.of(data) }
    : { dtype: 'int32', shape: shape ?? [data.length], data }

/** The numbers of a float32 result. */
export const floatData = (value: Value | undefined): Float32Array => {
  if (!(value?.data instanceof Float32Array))
    throw new Error(`Internal: a float32 value was expected, not ${value?.dtype}`)
  return value.data
}
