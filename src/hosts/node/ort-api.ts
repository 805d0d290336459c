import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { arch, platform } from 'node:process'
import koffi from 'koffi'
import { UserError } from '../../errors.ts'

/**
 * ONNX Runtime's C API, called in the library that onnxruntime-node brings. The package's own JavaScript binding copies every output into new
 * memory, 240 MB of weights and moments at every training step; through the C API results are written where the next step reads them.
 *
 * The API is a table of functions whose order never changes (onnxruntime_c_api.h): below, the place of each one that is used.
 */
const PLACES = {
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
  CreateCpuMemoryInfo: 69,
  AllocatorFree: 76,
  GetAllocatorWithDefaultOptions: 78,
  ReleaseStatus: 93,
  ReleaseSession: 95,
  ReleaseValue: 96,
  ReleaseTensorTypeAndShapeInfo: 99,
  ReleaseSessionOptions: 100,
  CreateEnvWithGlobalThreadPools: 119,
  DisablePerSessionThreads: 120,
  CreateThreadingOptions: 121,
  AddSessionConfigEntry: 130,
  CreateAndRegisterAllocator: 144,
  SetGlobalIntraOpNumThreads: 147,
} as const

/** The version of the table that is asked for: any ONNX Runtime since 1.17 has it. */
const API_VERSION = 17

type Name = keyof typeof PLACES
type Argument = bigint | number | string | Uint8Array | BigUint64Array | BigInt64Array | Int32Array
type Call = ((...args: Argument[]) => bigint) & { async: (...args: unknown[]) => void }

/** Pointers and sizes are passed as 64-bit numbers, memory as typed arrays; `p` a number, `m` memory, `s` a string, `i` a 32-bit number. */
const SIGNATURES: Readonly<Record<Name, string>> = {
  GetErrorMessage: 'p',
  CreateSessionFromArray: 'pmppm',
  Run: 'ppmmpmpm',
  CreateSessionOptions: 'm',
  EnableProfiling: 'ps',
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
  CreateCpuMemoryInfo: 'iim',
  AllocatorFree: 'pp',
  GetAllocatorWithDefaultOptions: 'm',
  ReleaseStatus: 'p',
  ReleaseSession: 'p',
  ReleaseValue: 'p',
  ReleaseTensorTypeAndShapeInfo: 'p',
  ReleaseSessionOptions: 'p',
  CreateEnvWithGlobalThreadPools: 'ispm',
  DisablePerSessionThreads: 'p',
  CreateThreadingOptions: 'm',
  AddSessionConfigEntry: 'pss',
  CreateAndRegisterAllocator: 'ppp',
  SetGlobalIntraOpNumThreads: 'pi',
}
const KINDS = { p: 'uint64_t', m: 'void *', s: 'const char *', i: 'int' } as const

export class OrtApi {
  readonly #functions: Readonly<Record<Name, Call>>

  constructor(libraryPath: string) {
    // From 1.30 on the library would keep a device id in the user's cache folder and tell Microsoft of the sessions, and it crashes where the process has
    // many arguments, which it searches with a recursive regular expression. It reads this as it is loaded.
    process.env.ORT_DISABLE_TELEMETRY ??= '1'
    const library = koffi.load(libraryPath)
    const base = library.func('OrtGetApiBase', 'uint64_t', [])() as bigint
    const getApi = koffi.decode(BigInt(base), 'uint64_t') as bigint
    const table = koffi.call(BigInt(getApi), koffi.proto('uint64_t', ['uint32_t']), API_VERSION) as bigint
    if (!table) throw new UserError(`Cannot use "${libraryPath}": it is older than ONNX Runtime 1.17; run "npm ci"`)
    const functions: Partial<Record<Name, Call>> = {}
    for (const name of Object.keys(PLACES) as Name[]) {
      const pointer = BigInt(koffi.decode(BigInt(table), PLACES[name] * 8, 'uint64_t'))
      const prototype = koffi.proto(
        'uint64_t',
        [...SIGNATURES[name]].map((kind) => KINDS[kind as keyof typeof KINDS]),
      )
      functions[name] = koffi.decode(BigInt(pointer), prototype) as Call
    }
    this.#functions = functions as Record<Name, Call>
  }

  /** Calls a function that cannot fail. */
  plain(name: Name, ...args: Argument[]): bigint {
    return BigInt(this.#functions[name](...args))
  }

  /** Calls a function that returns a status. Throws what ONNX Runtime says. */
  call(name: Name, ...args: Argument[]): void {
    this.#check(this.plain(name, ...args))
  }

  /** Calls a function whose last argument is where the result goes. */
  make(name: Name, ...args: Argument[]): bigint {
    const result = new BigUint64Array(1)
    this.call(name, ...args, result)
    return result[0]!
  }

  /** Calls a function on another thread: the event loop goes on. */
  callAsync(name: Name, ...args: Argument[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#functions[name].async(...args, (failure: Error | null, status: bigint) => {
        try {
          if (failure) throw failure
          this.#check(BigInt(status))
          resolve()
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  #check(status: bigint): void {
    if (status === 0n) return
    const message = text(this.plain('GetErrorMessage', status))
    this.plain('ReleaseStatus', status)
    throw new Error(`ONNX Runtime: ${message}`)
  }
}

/** The C string at an address. */
export const text = (address: bigint): string => koffi.decode(address, 'char', -1) as string

/** The memory at an address, not copied. */
export const memory = (address: bigint, bytes: number): ArrayBuffer => koffi.view(address, bytes)

/** Where a typed array's data are. */
export const addressOf = (array: Uint8Array): bigint => BigInt(koffi.address(array))

/** The shared library inside onnxruntime-node for this platform. Throws UserError if there is none. */
export function libraryPath(): string {
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node')
  const bin = join(dirname(entry), '..', 'bin')
  const folder = existsSync(bin)
    ? readdirSync(bin)
        .map((abi) => join(bin, abi, platform, arch))
        .find((path) => existsSync(path))
    : undefined
  const file =
    folder &&
    readdirSync(folder).find((name) =>
      /^(libonnxruntime\.so\.\d+|libonnxruntime\.[\d.]+\.dylib|onnxruntime\.dll)$/.test(name),
    )
  if (!folder || !file)
    throw new UserError(`Cannot run models on ${platform} ${arch}: onnxruntime-node has no library for it in "${bin}"`)
  return join(folder, file)
}
