import type { HostValue } from '../formats/host-value.ts'

/**
 * The engine refused to compile a model or failed to run it; the message is the engine's own text. Callers that know
 * which file the model came from wrap it in a UserError that names the file.
 */
export class EngineError extends Error {
  override readonly name = 'EngineError'
}

/**
 * A tensor in the engine's own memory, on the GPU if there is one. It can be fed to any session of the same runtime
 * without a copy.
 */
export interface DeviceValue {
  readonly dtype: HostValue['dtype']
  readonly shape: readonly number[]
  /** Copies the tensor to a typed array. Throws Error after release(). */
  read(): Promise<HostValue>
  /**
   * Frees the memory, once the runs that were fed with it have ended. A second call does nothing. Values that are
   * never released are freed when they are garbage collected.
   */
  release(): void
}

/** An input of a run: a typed array with its shape, or an output that was kept on the device. */
export type Value = HostValue | DeviceValue

/** Values by the names of a model's inputs. */
export type Values = Readonly<Record<string, Value>>
/** Typed arrays with their shapes, by the names of a model's inputs or outputs. */
export type HostValues = Readonly<Record<string, HostValue>>
/** Outputs kept on the device, by name. */
export type DeviceValues = Readonly<Record<string, DeviceValue>>

/** Which outputs a run computes, and where it writes them. */
export interface RunOptions {
  /**
   * Preallocated outputs by name. They must have the output's type and shape, and nothing else may read or write them
   * during the run.
   */
  readonly into?: HostValues
  /** The outputs to compute and return, by default all. */
  readonly wanted?: readonly string[]
}

/** A compiled model. Runs may overlap; the engine starts them in the order of the calls. */
export interface Session {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  /** the device has memory of its own: every input and output of run() is copied, none of those that stay on it is */
  readonly onDevice?: true
  /**
   * Runs the model off the main thread and copies the outputs to typed arrays. The feeds must not change during the
   * run. Throws EngineError if the engine fails, and Error for a missing input or after release().
   */
  run(feeds: Values, options?: RunOptions): Promise<HostValues>
  /**
   * Like run(), but keeps the outputs `wanted`, by default all, on the device. The caller releases them. Those of
   * `toRead` are to be read at once: a device can copy them in the same run, which is faster.
   */
  runOnDevice(feeds: Values, wanted?: readonly string[], toRead?: readonly string[]): Promise<DeviceValues>
  /** Frees the model, once the runs in progress have ended; later runs throw Error. A second call does nothing. */
  release(): void
}

/** The engine that compiles and runs models: ONNX Runtime, in Node or in a browser. */
export interface Runtime {
  /** Compiles an ONNX model. Its bytes must not change meanwhile. Throws EngineError if the engine refuses it. */
  load(model: Uint8Array): Promise<Session>
}

/** The data of a float32 tensor. Throws Error for any other type. */
export function floatData(value: HostValue | undefined): Float32Array {
  if (value?.data instanceof Float32Array) return value.data
  throw new Error(`Internal: expected a float32 tensor, got ${value?.dtype}`)
}

/** The data of an int32 tensor. Throws Error for any other type. */
export function intData(value: HostValue | undefined): Int32Array {
  if (value?.data instanceof Int32Array) return value.data
  throw new Error(`Internal: expected an int32 tensor, got ${value?.dtype}`)
}
