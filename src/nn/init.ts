import { elementCount } from '../formats/host-value.ts'

/**
 * An initializer: returns the initial values of a parameter of `shape`, row-major. `source` draws random numbers:
 * `normal()` from N(0, 1), `uniform()` from U(-1, 1).
 */
export type Init = (shape: readonly number[], source: { normal(): number; uniform(): number }) => Float32Array

const fill = (shape: readonly number[], value: () => number): Float32Array =>
  Float32Array.from({ length: elementCount(shape) }, value)

/** All zeros. */
export const zeros: Init = (shape) => fill(shape, () => 0)
/** All ones. */
export const ones: Init = (shape) => fill(shape, () => 1)
/** Every element is `value`. */
export const constant =
  (value: number): Init =>
  (shape) =>
    fill(shape, () => value)

/** Normal with mean 0 and standard deviation `deviation`. */
export const normal =
  (deviation: number): Init =>
  (shape, source) =>
    fill(shape, () => deviation * source.normal())

/** Uniform in (-bound, bound). */
export const uniform =
  (bound: number): Init =>
  (shape, source) =>
    fill(shape, () => bound * source.uniform())

/** Uniform with mean 0 and variance 2/(in + out) for a weight `[out, in]` (Glorot and Bengio 2010, equation 16). */
export const xavierUniform: Init = (shape, source) => uniform(Math.sqrt(6 / (shape[0]! + shape[1]!)))(shape, source)

/** Normal with mean 0 and variance 2/(in + out) for a weight `[out, in]` (Glorot and Bengio 2010, equation 12). */
export const xavierNormal: Init = (shape, source) => normal(Math.sqrt(2 / (shape[0]! + shape[1]!)))(shape, source)
