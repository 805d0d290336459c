import { availableParallelism } from 'node:os'
import { UserError } from '../../errors.ts'
import { arrayOf, elementCount, type HostValue, type NumericArray } from '../../formats/host-value.ts'
import { type DType, dtypeOf, ONNX_TYPE } from '../../graph/index.ts'
import { OrtApi, pathBytes } from './ort-api.ts'
import { libraryPath } from './ort-library.ts'

/** Errors are thrown with the same text; the log would show them a second time. */
const LOG_FATAL = 4
const ARENA_ALLOCATOR = 1
const DEFAULT_MEMORY = 0
const ALL_OPTIMISATIONS = 99

/** An OrtValue over a typed array's memory. */
interface HostHandle {
  readonly handle: bigint
  readonly data: NumericArray
}

/**
 * ONNX Runtime's environment, one per thread of JavaScript. All sessions share its threads and memory, so that one
 * session per caption length costs little.
 */
export class NodeEnvironment {
  readonly api = new OrtApi(libraryPath())
  readonly #env: bigint
  readonly #memoryInfo: bigint
  readonly #allocator: bigint
  readonly #handles = new WeakMap<HostValue, HostHandle>()
  readonly #finalizer = new FinalizationRegistry<bigint>((handle) => this.releaseValue(handle))

  constructor() {
    const { api } = this
    const threading = api.make('CreateThreadingOptions')
    try {
      api.call('SetGlobalIntraOpNumThreads', threading, threadCount())
      this.#env = api.make('CreateEnvWithGlobalThreadPools', LOG_FATAL, 'mia-caption', threading)
    } finally {
      api.plain('ReleaseThreadingOptions', threading)
    }
    this.#memoryInfo = api.make('CreateCpuMemoryInfo', ARENA_ALLOCATOR, DEFAULT_MEMORY)
    api.call('CreateAndRegisterAllocator', this.#env, this.#memoryInfo, 0n)
    this.#allocator = api.make('GetAllocatorWithDefaultOptions')
  }

  /**
   * The OrtValue over a typed array's memory, created at the first call and freed with `value`. Whoever passes it to a
   * run must keep `value` from the garbage collector until the run has ended.
   */
  handle(value: HostValue): bigint {
    const { data, shape, dtype } = value
    // also for a known value: transferring its buffer to a worker empties it
    if (data.length !== elementCount(shape))
      throw new Error(`Internal: ${data.length} elements do not fill the shape [${shape}]`)
    const known = this.#handles.get(value)
    if (known?.data === data) return known.handle
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    const dims = BigInt64Array.from(shape, BigInt)
    const handle = this.api.make(
      'CreateTensorWithDataAsOrtValue',
      this.#memoryInfo,
      bytes,
      BigInt(bytes.length),
      dims,
      BigInt(shape.length),
      ONNX_TYPE[dtype],
    )
    this.#handles.set(value, { handle, data })
    this.#finalizer.register(value, handle)
    return handle
  }

  /** Frees the OrtValue of `owner` when `owner` is garbage collected. */
  releaseWith(owner: object, handle: bigint): void {
    this.#finalizer.register(owner, handle, owner)
  }

  /** Frees an OrtValue, now instead of with `owner`. */
  releaseValue(handle: bigint, owner?: object): void {
    if (owner) this.#finalizer.unregister(owner)
    this.api.plain('ReleaseValue', handle)
  }

  /** The type and shape of an OrtValue. Throws Error if it is not a tensor of a type that we can hold. */
  describe(handle: bigint): { dtype: DType; shape: number[] } {
    const { api } = this
    const info = api.make('GetTensorTypeAndShape', handle)
    try {
      const shape = new BigInt64Array(Number(api.make('GetDimensionsCount', info)))
      api.call('GetDimensions', info, shape, BigInt(shape.length))
      const type = new Int32Array(1)
      api.call('GetTensorElementType', info, type)
      const dtype = dtypeOf(type[0]!)
      if (!dtype) throw new Error(`Internal: no typed array for outputs of ONNX type ${type[0]}`)
      return { dtype, shape: Array.from(shape, Number) }
    } finally {
      api.plain('ReleaseTensorTypeAndShapeInfo', info)
    }
  }

  /** Copies an OrtValue to a new typed array. */
  copy(handle: bigint): HostValue {
    const { dtype, shape } = this.describe(handle)
    const data = new (arrayOf(dtype))(elementCount(shape))
    if (data.byteLength > 0) this.api.copy(new Uint8Array(data.buffer), this.api.make('GetTensorMutableData', handle))
    return { dtype, shape, data }
  }

  /** The memory of typed arrays. */
  get hostMemory(): bigint {
    return this.#memoryInfo
  }

  /** The OrtValues of the outputs of a run with an OrtIoBinding, in order; the caller releases them. */
  boundOutputs(binding: bigint): bigint[] {
    const [array, count] = [new BigUint64Array(1), new BigUint64Array(1)]
    this.api.call('GetBoundOutputValues', binding, this.#allocator, array, count)
    const values = this.api.pointers(array[0]!, Number(count[0]))
    this.api.call('AllocatorFree', this.#allocator, array[0]!)
    return values
  }

  /** Compiles a model on another thread; `configure` adds to the session's options, a device for example. */
  async compile(model: Uint8Array, configure: (options: bigint) => void = () => {}): Promise<bigint> {
    const { api } = this
    const options = api.make('CreateSessionOptions')
    try {
      configure(options)
      api.call('DisablePerSessionThreads', options)
      api.call('SetSessionGraphOptimizationLevel', options, ALL_OPTIMISATIONS)
      api.call('AddSessionConfigEntry', options, 'session.use_env_allocators', '1')
      if (process.env.MIA_PROFILE) api.call('EnableProfiling', options, pathBytes(process.env.MIA_PROFILE))
      return await api.makeAsync('CreateSessionFromArray', [this.#env, model, BigInt(model.length), options], [this])
    } finally {
      api.plain('ReleaseSessionOptions', options)
    }
  }

  /** The names of a session's inputs or outputs. */
  sessionNames(session: bigint, kind: 'Input' | 'Output'): string[] {
    const count = Number(this.api.make(`SessionGet${kind}Count`, session))
    return Array.from({ length: count }, (_, i) => {
      const address = this.api.make(`SessionGet${kind}Name`, session, BigInt(i), this.#allocator)
      const name = this.api.text(address)
      this.api.call('AllocatorFree', this.#allocator, address)
      return name
    })
  }
}

/** The threads that share the work of an operator: `MIA_THREADS`, by default one per core. */
function threadCount(): number {
  const text = process.env.MIA_THREADS
  if (!text) return availableParallelism()
  const count = Number(text)
  if (Number.isInteger(count) && count > 0) return count
  throw new UserError(`Cannot use MIA_THREADS="${text}": it must be a whole number of threads, at least 1`)
}
