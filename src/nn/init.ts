/** How a parameter starts. `normal` and `uniform` are sources of deviates: N(0, 1), and U(-1, 1). */
export type Init = (shape: readonly number[], source: { normal(): number; uniform(): number }) => Float32Array

const fill = (shape: readonly number[], value: () => number): Float32Array =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, value)

export const zeros: Init = (shape) => fill(shape, () => 0)
export const ones: Init = (shape) => fill(shape, () => 1)
export const constantly =
  (value: number): Init =>
  (shape) =>
    fill(shape, () => value)

/** Normal with a standard deviation. */
export const normal =
  (deviation: number): Init =>
  (shape, source) =>
    fill(shape, () => deviation * source.normal())

/** Uniform between -bound and bound. */
export const uniform =
  (bound: number): Init =>
  (shape, source) =>
    fill(shape, () => bound * source.uniform())

/** Normal with variance 2/(in + out) (Glorot and Bengio 2010), for a weight [out, in]. */
export const xavierNormal: Init = (shape, source) => normal(Math.sqrt(2 / (shape[0]! + shape[1]!)))(shape, source)
