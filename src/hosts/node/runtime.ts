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
import { arrayOf, elementCount, type HostValue } from '../../formats/host-value.ts'
import { ONNX_TYPE } from '../../graph/ops/movement.ts'
import type { DType } from '../../graph/tensor.ts'
import { addressOf, libraryPath, memory, OrtApi, text } from './ort-api.ts'

/**
 * ONNX Runtime in Node. One environment a process: all sessions share its threads and its memory, so that a session for each caption length costs
 * little. `MIA_THREADS` sets the number of threads, by default one a core.
 */
class NodeEnvironment {
  readonly api = new OrtApi(libraryPath())
  readonly memoryInfo: bigint
  readonly #env: bigint
  readonly #names: bigint
  readonly #handles = new WeakMap<HostValue, bigint>()
  readonly #finalizer = new FinalizationRegistry<bigint>((handle) => void this.api.plain('ReleaseValue', handle))

  constructor() {
    const { api } = this
    const threading = api.make('CreateThreadingOptions')
    api.call('SetGlobalIntraOpNumThreads', threading, threads())
    this.#env = api.make('CreateEnvWithGlobalThreadPools', LOG_ERRORS, 'mia-caption', threading)
    this.memoryInfo = api.make('CreateCpuMemoryInfo', ARENA_ALLOCATOR, DEFAULT_MEMORY)
    api.call('CreateAndRegisterAllocator', this.#env, this.memoryInfo, 0n)
    this.#names = api.make('GetAllocatorWithDefaultOptions')
  }

  /** The OrtValue of a value: its own for a result kept by the engine, else one over the numbers' memory, made once. */
  handle(value: Value): bigint {
    if (!('data' in value)) return (value as NodeValue).handle
    const known = this.#handles.get(value)
    if (known !== undefined) return known
    const { data, shape, dtype } = value
    if (data.length !== elementCount(shape))
      throw new Error(`Internal: ${data.length} numbers for the shape [${shape}]`)
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    const dims = BigInt64Array.from(shape, BigInt)
    const handle = this.api.make(
      'CreateTensorWithDataAsOrtValue',
      this.memoryInfo,
      bytes,
      BigInt(bytes.length),
      dims,
      BigInt(shape.length),
      ONNX_TYPE[dtype],
    )
    this.#handles.set(value, handle)
    this.#finalizer.register(value, handle)
    return handle
  }

  /** The type and shape of a result that ONNX Runtime made. */
  describe(handle: bigint): { dtype: DType; shape: number[] } {
    const { api } = this
    const info = api.make('GetTensorTypeAndShape', handle)
    try {
      const shape = new BigInt64Array(Number(api.make('GetDimensionsCount', info)))
      api.call('GetDimensions', info, shape, BigInt(shape.length))
      const type = new Int32Array(1)
      api.call('GetTensorElementType', info, type)
      const dtype = (Object.keys(ONNX_TYPE) as DType[]).find((name) => ONNX_TYPE[name] === type[0])
      if (!dtype) throw new Error(`Internal: no array for results of ONNX type ${type[0]}`)
      return { dtype, shape: Array.from(shape, Number) }
    } finally {
      api.plain('ReleaseTensorTypeAndShapeInfo', info)
    }
  }

  /** A copy of the numbers of a result that ONNX Runtime made. */
  copy(handle: bigint): HostValue {
    const { dtype, shape } = this.describe(handle)
    const data = new (arrayOf(dtype))(elementCount(shape))
    if (data.byteLength > 0) {
      const source = memory(this.api.make('GetTensorMutableData', handle), data.byteLength)
      new Uint8Array(data.buffer).set(new Uint8Array(source))
    }
    return { dtype, shape, data }
  }

  load(model: Uint8Array): bigint {
    const { api } = this
    const options = api.make('CreateSessionOptions')
    api.call('DisablePerSessionThreads', options)
    api.call('SetSessionGraphOptimizationLevel', options, ALL_OPTIMISATIONS)
    api.call('AddSessionConfigEntry', options, 'session.use_env_allocators', '1')
    if (process.env.MIA_PROFILE) api.call('EnableProfiling', options, process.env.MIA_PROFILE)
    try {
      return api.make('CreateSessionFromArray', this.#env, model, BigInt(model.length), options)
    } finally {
      api.plain('ReleaseSessionOptions', options)
    }
  }

  /** The names of a session's inputs or outputs. */
  sessionNames(session: bigint, kind: 'Input' | 'Output'): string[] {
    const count = Number(this.api.make(`SessionGet${kind}Count`, session))
    return Array.from({ length: count }, (_, i) => {
      const address = this.api.make(`SessionGet${kind}Name`, session, BigInt(i), this.#names)
      const name = text(address)
      this.api.call('AllocatorFree', this.#names, address)
      return name
    })
  }
}

const LOG_ERRORS = 3
const ARENA_ALLOCATOR = 1
const DEFAULT_MEMORY = 0
const ALL_OPTIMISATIONS = 99

/** Threads inside an operator. */
export const threads = (): number => Number(process.env.MIA_THREADS) || availableParallelism()

/** A result that stays in ONNX Runtime's own memory. */
class NodeValue implements DeviceValue {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly #environment: NodeEnvironment
  #handle: bigint

  constructor(environment: NodeEnvironment, handle: bigint) {
    const { dtype, shape } = environment.describe(handle)
    this.dtype = dtype
    this.shape = shape
    this.#environment = environment
    this.#handle = handle
  }

  get handle(): bigint {
    if (this.#handle === 0n) throw new Error('Internal: the value was released')
    return this.#handle
  }

  async read(): Promise<HostValue> {
    return this.#environment.copy(this.handle)
  }

  release(): void {
    if (this.#handle !== 0n) this.#environment.api.plain('ReleaseValue', this.#handle)
    this.#handle = 0n
  }
}

class NodeSession implements Session {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  readonly #environment: NodeEnvironment
  readonly #names = new Map<string, Uint8Array>()
  #session: bigint
  #running = 0
  #released = false

  constructor(environment: NodeEnvironment, model: Uint8Array) {
    this.#environment = environment
    this.#session = environment.load(model)
    this.inputNames = environment.sessionNames(this.#session, 'Input')
    this.outputNames = environment.sessionNames(this.#session, 'Output')
    for (const name of [...this.inputNames, ...this.outputNames])
      this.#names.set(name, new TextEncoder().encode(`${name}\0`))
  }

  async run(feeds: Values, { into = {}, wanted = this.outputNames }: RunOptions = {}): Promise<HostValues> {
    const handles = await this.#run(feeds, into, wanted)
    try {
      return Object.fromEntries(wanted.map((name, i) => [name, into[name] ?? this.#environment.copy(handles[i]!)]))
    } finally {
      for (const [i, name] of wanted.entries())
        if (!into[name]) this.#environment.api.plain('ReleaseValue', handles[i]!)
    }
  }

  async runOnDevice(feeds: Values, wanted: readonly string[] = this.outputNames): Promise<DeviceValues> {
    const handles = await this.#run(feeds, {}, wanted)
    return Object.fromEntries(wanted.map((name, i) => [name, new NodeValue(this.#environment, handles[i]!)]))
  }

  /** The OrtValues of the results: those of `into`, or new ones that the caller must release. */
  async #run(feeds: Values, into: HostValues, wanted: readonly string[]): Promise<BigUint64Array> {
    if (this.#released) throw new Error('Internal: the session was released')
    const { api } = this.#environment
    const missing = this.inputNames.find((name) => !feeds[name])
    if (missing !== undefined) throw new Error(`Internal: the model's input "${missing}" is not given`)
    const inputs = BigUint64Array.from(this.inputNames, (name) => this.#environment.handle(feeds[name]!))
    const outputs = BigUint64Array.from(wanted, (name) => (into[name] ? this.#environment.handle(into[name]) : 0n))
    const names = (list: readonly string[]) => BigUint64Array.from(list, (name) => addressOf(this.#names.get(name)!))
    const [inputNames, outputNames] = [names(this.inputNames), names(wanted)]
    this.#running += 1
    try {
      await api.callAsync(
        'Run',
        this.#session,
        0n,
        inputNames,
        inputs,
        BigInt(inputs.length),
        outputNames,
        BigInt(outputs.length),
        outputs,
      )
    } finally {
      this.#running -= 1
      this.#free()
    }
    return outputs
  }

  /** Takes no more runs; those under way end first, for the library must not lose its memory under them. */
  release(): void {
    this.#released = true
    this.#free()
  }

  #free(): void {
    if (!this.#released || this.#running > 0 || this.#session === 0n) return
    this.#environment.api.plain('ReleaseSession', this.#session)
    this.#session = 0n
  }
}

let environment: NodeEnvironment | undefined

/** ONNX Runtime in Node, started when the first model is loaded. */
export const nodeRuntime: Runtime = {
  async load(model: Uint8Array): Promise<Session> {
    environment ??= new NodeEnvironment()
    return new NodeSession(environment, model)
  },
}

/** What onnxruntime-node has the library for, as in `cpu`, `webgpu`, `cuda`. */
export async function bundledBackends(): Promise<string[]> {
  const { listSupportedBackends } = (await import('onnxruntime-node')) as unknown as {
    listSupportedBackends(): readonly { readonly name: string; readonly bundled: boolean }[]
  }
  return listSupportedBackends().flatMap(({ name, bundled }) => (bundled ? [name] : []))
}
