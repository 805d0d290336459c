import type { HostValue } from '../formats/host-value.ts'

/**
 * A tensor that stays where the engine made it, on its device or in its own memory, until it is read. It may be fed to any session of
 * the same runtime without a copy.
 */
export interface DeviceValue {
  readonly dtype: HostValue['dtype']
  readonly shape: readonly number[]
  /** Brings the numbers home. Throws Error after release(). */
  read(): Promise<HostValue>
  /** Frees the memory; a second time does nothing. Garbage collection frees what was not released. */
  release(): void
}

/** What goes into a run: numbers at hand, or a result that was kept on the device. */
export type Value = HostValue | DeviceValue

/** Values by the names of a model's inputs. */
export type Values = Readonly<Record<string, Value>>
/** Numbers at hand by the names of a model's outputs. */
export type HostValues = Readonly<Record<string, HostValue>>
/** Results kept on the device by the names of a model's outputs. */
export type DeviceValues = Readonly<Record<string, DeviceValue>>

/** How a run returns its results. */
export interface RunOptions {
  /** outputs to write into these values, which must have their shape and must not be read or written meanwhile */
  readonly into?: HostValues
  /** the outputs to return, by default all of the model */
  readonly wanted?: readonly string[]
}

/** A model ready to run. */
export interface Session {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  /** Runs the model off the main thread and brings the results home. Throws Error where the engine refuses. */
  run(feeds: Values, options?: RunOptions): Promise<HostValues>
  /** Runs the model and leaves the results of `wanted`, by default all, on the device. */
  runOnDevice(feeds: Values, wanted?: readonly string[]): Promise<DeviceValues>
  /** Frees the model after the runs in progress; later runs throw. */
  release(): void
}

/** The engine behind the sessions: ONNX Runtime in Node or in a page. */
export interface Runtime {
  /** Compiles an ONNX model. Throws Error where the engine refuses it. */
  load(model: Uint8Array): Promise<Session>
}

/** The numbers of a float32 result. Throws Error for any other. */
export function floatData(value: HostValue | undefined): Float32Array {
  if (value?.data instanceof Float32Array) return value.data
  throw new Error(`Internal: a float32 value was expected, not ${value?.dtype}`)
}

/** The numbers of an int32 result. Throws Error for any other. */
export function intData(value: HostValue | undefined): Int32Array {
  if (value?.data instanceof Int32Array) return value.data
  throw new Error(`Internal: an int32 value was expected, not ${value?.dtype}`)
}
