import { EngineError } from '../../engine/session.ts'
import { UserError } from '../../errors.ts'
import { AsyncCalls, type EndOfCall } from './async-calls.ts'
import { cLibrary, koffi, openLibrary, STACK_BYTES } from './ort-library.ts'

/**
 * The position of each function in ONNX Runtime's C API, a table whose order never changes (onnxruntime_c_api.h).
 *
 * We call the C API of the library in onnxruntime-node because the package's JavaScript binding copies every output to
 * new memory (at every training step 240 MB of weights and moments) and blocks the event loop meanwhile. The C API
 * writes outputs where the next step reads them.
 */
const POSITIONS = {
  GetErrorMessage: 2,
  CreateSessionFromArray: 8,
  Run: 9,
  CreateSessionOptions: 10,
  EnableProfiling: 14,
  SetSessionGraphOptimizationLevel: 23,
  SessionGetInputCount: 30,
  SessionGetOutputCount: 31,
  SessionGetInputName: 36,
  SessionGetOutputName: 37,
  CreateTensorWithDataAsOrtValue: 49,
  GetTensorMutableData: 51,
  GetTensorElementType: 60,
  GetDimensionsCount: 61,
  GetDimensions: 62,
  GetTensorTypeAndShape: 65,
  CreateMemoryInfo: 68,
  CreateCpuMemoryInfo: 69,
  AllocatorFree: 76,
  GetAllocatorWithDefaultOptions: 78,
  ReleaseStatus: 93,
  ReleaseMemoryInfo: 94,
  ReleaseSession: 95,
  ReleaseValue: 96,
  ReleaseTensorTypeAndShapeInfo: 99,
  ReleaseSessionOptions: 100,
  SessionEndProfiling: 111,
  CreateEnvWithGlobalThreadPools: 119,
  DisablePerSessionThreads: 120,
  CreateThreadingOptions: 121,
  ReleaseThreadingOptions: 122,
  AddSessionConfigEntry: 130,
  RunWithBinding: 133,
  CreateIoBinding: 134,
  ReleaseIoBinding: 135,
  BindInput: 136,
  BindOutput: 137,
  BindOutputToDevice: 138,
  GetBoundOutputValues: 140,
  CreateAndRegisterAllocator: 144,
  SetGlobalIntraOpNumThreads: 147,
  SynchronizeBoundInputs: 202,
  SynchronizeBoundOutputs: 203,
  SessionOptionsAppendExecutionProvider_CUDA_V2: 204,
  CreateCUDAProviderOptions: 205,
  UpdateCUDAProviderOptions: 206,
  ReleaseCUDAProviderOptions: 208,
  SessionOptionsAppendExecutionProvider: 216,
} as const

/** The version of the table to ask for: every ONNX Runtime since 1.17 has it. */
const API_VERSION = 17

type Name = keyof typeof POSITIONS
/** An argument of a C function: a pointer, a size, an integer, a string, or memory to read or write. */
export type Argument = bigint | number | string | Uint8Array | BigUint64Array | BigInt64Array | Int32Array
type Call = ((...args: Argument[]) => bigint) & { async: (...args: unknown[]) => void }

/** Argument types: `p` a pointer or size in 64 bits, `m` a typed array, `s` a UTF-8 string, `i` a 32-bit integer. */
const SIGNATURES: Readonly<Record<Name, string>> = {
  GetErrorMessage: 'p',
  CreateSessionFromArray: 'pmppm',
  Run: 'ppmmpmpm',
  CreateSessionOptions: 'm',
  EnableProfiling: 'pm',
  SetSessionGraphOptimizationLevel: 'pi',
  SessionGetInputCount: 'pm',
  SessionGetOutputCount: 'pm',
  SessionGetInputName: 'pppm',
  SessionGetOutputName: 'pppm',
  CreateTensorWithDataAsOrtValue: 'pmpmpim',
  GetTensorMutableData: 'pm',
  GetTensorElementType: 'pm',
  GetDimensionsCount: 'pm',
  GetDimensions: 'pmp',
  GetTensorTypeAndShape: 'pm',
  CreateMemoryInfo: 'siiim',
  CreateCpuMemoryInfo: 'iim',
  AllocatorFree: 'pp',
  GetAllocatorWithDefaultOptions: 'm',
  ReleaseStatus: 'p',
  ReleaseMemoryInfo: 'p',
  ReleaseSession: 'p',
  ReleaseValue: 'p',
  ReleaseTensorTypeAndShapeInfo: 'p',
  ReleaseSessionOptions: 'p',
  SessionEndProfiling: 'ppm',
  CreateEnvWithGlobalThreadPools: 'ispm',
  DisablePerSessionThreads: 'p',
  CreateThreadingOptions: 'm',
  ReleaseThreadingOptions: 'p',
  AddSessionConfigEntry: 'pss',
  RunWithBinding: 'ppp',
  CreateIoBinding: 'pm',
  ReleaseIoBinding: 'p',
  BindInput: 'psp',
  BindOutput: 'psp',
  BindOutputToDevice: 'psp',
  GetBoundOutputValues: 'ppmm',
  CreateAndRegisterAllocator: 'ppp',
  SetGlobalIntraOpNumThreads: 'pi',
  SynchronizeBoundInputs: 'p',
  SynchronizeBoundOutputs: 'p',
  SessionOptionsAppendExecutionProvider_CUDA_V2: 'pp',
  CreateCUDAProviderOptions: 'm',
  UpdateCUDAProviderOptions: 'pmmp',
  ReleaseCUDAProviderOptions: 'p',
  SessionOptionsAppendExecutionProvider: 'psmmp',
}
const KINDS = { p: 'uint64_t', m: 'void *', s: 'const char *', i: 'int' } as const

/**
 * How many asynchronous calls may be in progress at once; the others wait in order. koffi refuses more than 256, and
 * its calls occupy libuv's 4 threads, which file access and image decoding need too. ONNX Runtime spreads each run over
 * its own threads: on 2 cores, 2 runs at once reach the throughput of 8, and reading a file takes a third of the time.
 */
const CALLS_AT_ONCE = 2

/** The functions of ONNX Runtime's C API. */
export class OrtApi {
  readonly #functions: Readonly<Record<Name, Call>>
  readonly #koffi = koffi()
  readonly #copy = cLibrary().copy
  readonly #calls = new AsyncCalls(CALLS_AT_ONCE)

  /** Loads the library. Throws UserError if that fails, or if it is too old. */
  constructor(path: string) {
    const library = openLibrary(path)
    const { decode, call, proto } = this.#koffi
    const base = library.func('OrtGetApiBase', 'uint64_t', [])() as bigint
    const getApi = decode(BigInt(base), 'uint64_t') as bigint
    const table = call(BigInt(getApi), proto('uint64_t', ['uint32_t']), API_VERSION) as bigint
    if (!table) throw new UserError(`Cannot use "${path}": it is older than ONNX Runtime 1.17; run "npm ci"`)
    const functions: Partial<Record<Name, Call>> = {}
    for (const name of Object.keys(POSITIONS) as Name[]) {
      const pointer = BigInt(decode(BigInt(table), POSITIONS[name] * 8, 'uint64_t'))
      const prototype = proto(
        'uint64_t',
        [...SIGNATURES[name]].map((kind) => KINDS[kind as keyof typeof KINDS]),
      )
      functions[name] = decode(BigInt(pointer), prototype) as Call
    }
    this.#functions = functions as Record<Name, Call>
  }

  /** Calls a function that cannot fail. */
  plain(name: Name, ...args: Argument[]): bigint {
    return BigInt(this.#functions[name](...args))
  }

  /** Calls a function that returns a status. Throws EngineError with ONNX Runtime's message if it failed. */
  call(name: Name, ...args: Argument[]): void {
    this.#check(this.plain(name, ...args))
  }

  /** Calls a function whose last argument is the address to write its result to, and returns the result. */
  make(name: Name, ...args: Argument[]): bigint {
    const result = new BigUint64Array(1)
    this.call(name, ...args, result)
    return result[0]!
  }

  /**
   * Like call(), on another thread, so that the event loop goes on.
   *
   * Lifetimes: koffi keeps neither the typed arrays among the arguments nor what the addresses among them point to.
   * This method keeps the arguments and `alsoInUse` from the garbage collector until the call has ended, also while it
   * waits for its turn. `alsoInUse` must therefore hold every object whose memory the call uses, the owners of handles
   * too: their finalizers would free them.
   */
  callAsync(name: Name, args: readonly Argument[], alsoInUse: readonly unknown[]): Promise<void> {
    const start = (end: EndOfCall) => this.#functions[name].async(...args, end)
    return this.#calls.run(start, [args, alsoInUse]).then((status) => this.#check(BigInt(status)))
  }

  /** Like make(), on another thread; see callAsync() for `alsoInUse`. */
  async makeAsync(name: Name, args: readonly Argument[], alsoInUse: readonly unknown[]): Promise<bigint> {
    const result = new BigUint64Array(1)
    if (this.#koffi.config().async_stack_size! < STACK_BYTES) this.call(name, ...args, result)
    else await this.callAsync(name, [...args, result], alsoInUse)
    return result[0]!
  }

  /** The C string at an address. */
  text(address: bigint): string {
    return this.#koffi.decode(address, 'char', -1) as string
  }

  /** The pointers of an array of `count` at an address. */
  pointers(address: bigint, count: number): bigint[] {
    return Array.from({ length: count }, (_, i) => BigInt(this.#koffi.decode(address + BigInt(8 * i), 'uint64_t')))
  }

  /** Copies the memory at an address to a typed array. */
  copy(target: Uint8Array, source: bigint): void {
    this.#copy(target, source, target.length)
  }

  /** The address of a typed array's memory, valid while the array exists. */
  addressOf(array: Uint8Array): bigint {
    return BigInt(this.#koffi.address(array))
  }

  #check(status: bigint): void {
    if (status === 0n) return
    const message = this.text(this.plain('GetErrorMessage', status))
    this.plain('ReleaseStatus', status)
    throw new EngineError(message)
  }
}

/** A path as ONNX Runtime takes it, ending in a zero: UTF-16 on Windows, else UTF-8. */
export const pathBytes = (path: string, platform: string = process.platform): Uint8Array =>
  Buffer.from(`${path}\0`, platform === 'win32' ? 'utf16le' : 'utf8')
