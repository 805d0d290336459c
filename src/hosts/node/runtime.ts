import { availableParallelism } from 'node:os'
import type {
  DeviceValue,
  DeviceValues,
  HostValues,
  RunOptions,
  Runtime,
  Session,
  Value,
  Values,
} from '../../engine/session.ts'
import { UserError } from '../../errors.ts'
import { arrayOf, elementCount, type HostValue, type NumericArray } from '../../formats/host-value.ts'
import { type DType, dtypeOf, ONNX_TYPE } from '../../graph/index.ts'
import { OrtApi, pathBytes } from './ort-api.ts'
import { libraryPath } from './ort-library.ts'

export { engineVersion } from './ort-library.ts'

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
class NodeEnvironment {
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

  /** Compiles a model on another thread. */
  async compile(model: Uint8Array): Promise<bigint> {
    const { api } = this
    const options = api.make('CreateSessionOptions')
    try {
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

/** An output that stays in ONNX Runtime's memory. */
class NodeValue implements DeviceValue {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly #environment: NodeEnvironment
  #handle: bigint
  #runs = 0
  #released = false

  /** Takes over the OrtValue, unless the constructor throws. */
  constructor(environment: NodeEnvironment, handle: bigint) {
    const { dtype, shape } = environment.describe(handle)
    this.dtype = dtype
    this.shape = shape
    this.#environment = environment
    this.#handle = handle
    environment.releaseWith(this, handle)
  }

  /** The OrtValue, for a run that calls endUse() when it has ended; release() frees it no earlier. */
  use(): bigint {
    this.#check()
    this.#runs += 1
    return this.#handle
  }

  endUse(): void {
    this.#runs -= 1
    this.#free()
  }

  async read(): Promise<HostValue> {
    this.#check()
    return this.#environment.copy(this.#handle)
  }

  release(): void {
    this.#released = true
    this.#free()
  }

  #check(): void {
    if (this.#released) throw new Error('Internal: the value was released')
  }

  #free(): void {
    if (!this.#released || this.#runs > 0 || this.#handle === 0n) return
    this.#environment.releaseValue(this.#handle, this)
    this.#handle = 0n
  }
}

/** Names as C strings, and their addresses as the C API takes them. */
interface NameList {
  readonly strings: readonly Uint8Array[]
  readonly addresses: BigUint64Array
}

class NodeSession implements Session {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  readonly #environment: NodeEnvironment
  readonly #inputs: NameList
  readonly #outputs: NameList
  #session: bigint
  #running = 0
  #released = false

  private constructor(environment: NodeEnvironment, session: bigint) {
    this.#environment = environment
    this.#session = session
    this.inputNames = environment.sessionNames(session, 'Input')
    this.outputNames = environment.sessionNames(session, 'Output')
    this.#inputs = nameList(environment, this.inputNames)
    this.#outputs = nameList(environment, this.outputNames)
  }

  static async load(environment: NodeEnvironment, model: Uint8Array): Promise<NodeSession> {
    return new NodeSession(environment, await environment.compile(model))
  }

  async run(feeds: Values, { into = {}, wanted = this.outputNames }: RunOptions = {}): Promise<HostValues> {
    const targets = wanted.map((name) => own(into, name))
    const handles = await this.#run(feeds, wanted, targets)
    try {
      return Object.fromEntries(wanted.map((name, i) => [name, targets[i] ?? this.#environment.copy(handles[i]!)]))
    } finally {
      for (const [i, handle] of handles.entries()) if (!targets[i]) this.#environment.releaseValue(handle)
    }
  }

  async runOnDevice(feeds: Values, wanted: readonly string[] = this.outputNames): Promise<DeviceValues> {
    const handles = await this.#run(feeds, wanted, [])
    const values: NodeValue[] = []
    try {
      for (const handle of handles) values.push(new NodeValue(this.#environment, handle))
    } catch (error) {
      for (const value of values) value.release()
      for (const handle of handles.subarray(values.length)) this.#environment.releaseValue(handle)
      throw error
    }
    return Object.fromEntries(wanted.map((name, i) => [name, values[i]!]))
  }

  /**
   * Runs the model on another thread. Returns the OrtValues of the outputs `wanted`: those of `targets`, or new ones
   * that the caller must release.
   */
  async #run(
    feeds: Values,
    wanted: readonly string[],
    targets: readonly (HostValue | undefined)[],
  ): Promise<BigUint64Array> {
    if (this.#released) throw new Error('Internal: the session was released')
    const environment = this.#environment
    const names = wanted === this.outputNames ? this.#outputs : nameList(environment, this.#known(wanted))
    const values: Value[] = []
    const used: NodeValue[] = []
    this.#running += 1
    try {
      const inputs = new BigUint64Array(this.inputNames.length)
      for (const [i, name] of this.inputNames.entries()) {
        const value = own(feeds, name)
        if (!value) throw new Error(`Internal: the model's input "${name}" is missing from the feeds`)
        values.push(value)
        if (value instanceof NodeValue) {
          inputs[i] = value.use()
          used.push(value)
        } else if ('data' in value) inputs[i] = environment.handle(value)
        else throw new Error(`Internal: the value for the input "${name}" belongs to another runtime`)
      }
      const outputs = new BigUint64Array(wanted.length)
      for (const [i, target] of targets.entries()) if (target) outputs[i] = environment.handle(target)
      await environment.api.callAsync(
        'Run',
        [
          this.#session,
          0n,
          this.#inputs.addresses,
          inputs,
          BigInt(inputs.length),
          names.addresses,
          BigInt(outputs.length),
          outputs,
        ],
        // all that the addresses point to: the session, its input names, the feeds, the outputs and their names
        [this, values, targets, names],
      )
      return outputs
    } finally {
      for (const value of used) value.endUse()
      this.#running -= 1
      this.#free()
    }
  }

  release(): void {
    this.#released = true
    this.#free()
  }

  /** The library must not lose the session while it runs it. */
  #free(): void {
    if (!this.#released || this.#running > 0 || this.#session === 0n) return
    this.#environment.api.plain('ReleaseSession', this.#session)
    this.#session = 0n
  }

  #known(wanted: readonly string[]): readonly string[] {
    const unknown = wanted.find((name) => !this.outputNames.includes(name))
    if (unknown !== undefined) throw new Error(`Internal: the model has no output "${unknown}"`)
    return wanted
  }
}

/** The value of that name, but not what every object inherits: an imported model may call an input `constructor`. */
const own = <T>(values: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(values, name) ? values[name] : undefined

function nameList({ api }: NodeEnvironment, names: readonly string[]): NameList {
  const strings = names.map((name) => new TextEncoder().encode(`${name}\0`))
  return { strings, addresses: BigUint64Array.from(strings, (string) => api.addressOf(string)) }
}

let environment: NodeEnvironment | undefined

/**
 * ONNX Runtime in Node, loaded with the first model. `MIA_THREADS` sets its number of threads, by default one per core;
 * `MIA_PROFILE` is the start of the names of files to write a profile of each session to. Runs and load() are off the
 * main thread, at most a few at once; others wait in order. Throws UserError if the library cannot be loaded.
 */
export const nodeRuntime: Runtime = {
  async load(model: Uint8Array): Promise<Session> {
    environment ??= new NodeEnvironment()
    return NodeSession.load(environment, model)
  },
}

/** The execution providers that onnxruntime-node brings for this platform, for example `cpu`, `webgpu` and `cuda`. */
export async function bundledBackends(): Promise<string[]> {
  const { listSupportedBackends } = (await import('onnxruntime-node')) as unknown as {
    listSupportedBackends(): readonly { readonly name: string; readonly bundled: boolean }[]
  }
  return listSupportedBackends().flatMap(({ name, bundled }) => (bundled ? [name] : []))
}
