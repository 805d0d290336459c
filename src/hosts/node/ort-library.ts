import { existsSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { UserError } from '../../errors.ts'

/** The foreign function interface, as its package exports it. */
export type Koffi = typeof import('koffi')
type Library = ReturnType<Koffi['load']>

const require = createRequire(import.meta.url)

/**
 * The stack of calls. koffi's default for asynchronous ones is 128 KiB, and one matrix product in ONNX Runtime takes
 * more than 80; MPICH overflows the 2 MiB that koffi gives synchronous ones. 8 MiB is what Linux gives a process.
 */
export const STACK_BYTES = 8 * 2 ** 20

let loaded: Koffi | undefined

/**
 * koffi, loaded at the first call: loading its native part takes time that commands without a model need not spend, and
 * fails where it is missing. Throws UserError if `load`, by default `require`, fails.
 */
export function koffi(load: (name: string) => unknown = require): Koffi {
  if (loaded && load === require) return loaded
  try {
    loaded = load('koffi') as Koffi
  } catch (error) {
    throw new UserError(
      `Cannot load koffi, the package that calls ONNX Runtime: ${firstLine(error)}; its native part is the optional ` +
        `package "@koromix/koffi-${process.platform}-${process.arch}": run "npm ci" without "--omit=optional"`,
      { cause: error },
    )
  }
  try {
    loaded.config({ sync_stack_size: STACK_BYTES, async_stack_size: STACK_BYTES })
  } catch {
    // The program that embeds us has loaded a library through koffi before: its sizes are fixed.
  }
  return loaded
}

/** Functions of the C library that this process runs with. */
interface CLibrary {
  /** Copies `bytes` bytes from an address to a typed array. */
  copy(target: Uint8Array, source: bigint, bytes: number): void
  /** Sets a variable of the process's environment unless it is set. */
  setVariable(name: string, value: string): void
}

let opened: CLibrary | undefined

/** The C library: the process's own, or Windows' shared runtime. */
export function cLibrary(): CLibrary {
  if (opened) return opened
  const onWindows = process.platform === 'win32'
  const library = koffi().load(onWindows ? 'ucrtbase.dll' : null)
  const memcpy = library.func('memcpy', 'uint64_t', ['void *', 'uint64_t', 'uint64_t'])
  const setVariable = onWindows
    ? library.func('_putenv_s', 'int', ['const char *', 'const char *'])
    : library.func('setenv', 'int', ['const char *', 'const char *', 'int'])
  opened = {
    copy: (target, source, bytes) => void memcpy(target, source, bytes),
    setVariable(name, value) {
      if (!onWindows) setVariable(name, value, 0)
      else if (process.env[name] === undefined) setVariable(name, value)
    },
  }
  return opened
}

/**
 * Turns ONNX Runtime's telemetry off, unless the user has set its variable. Since version 1.30 the library stores a
 * device id in the user's cache folder and reports sessions to Microsoft, from the moment its environment is created;
 * it then also crashes if the process has many arguments, which it searches with a recursive regular expression.
 * Setting `process.env` would not do: in a worker thread it is a copy that C code does not see.
 */
function disableTelemetry(): void {
  cLibrary().setVariable('ORT_DISABLE_TELEMETRY', '1')
}

/** What decides which library fits, as in Node's `process`. */
export interface Platform {
  readonly platform: string
  readonly arch: string
}

/**
 * The path of ONNX Runtime's shared library in the package onnxruntime-node. Throws UserError if the package is not
 * installed or has no library for the platform.
 */
export function libraryPath({ platform, arch }: Platform = process): string {
  const bin = join(dirname(packageFile()), 'bin')
  const builds = existsSync(bin)
    ? readdirSync(bin).flatMap((abi) =>
        readdirSync(join(bin, abi)).flatMap((system) =>
          readdirSync(join(bin, abi, system)).map((processor) => ({ system, processor, abi })),
        ),
      )
    : []
  const build = builds.find(({ system, processor }) => system === platform && processor === arch)
  const folder = build && join(bin, build.abi, platform, arch)
  const file = folder && readdirSync(folder).find((name) => LIBRARY.test(name))
  if (folder && file) return join(folder, file)
  const known = builds.map(({ system, processor }) => `${system} ${processor}`).join(', ')
  const advice =
    build || builds.length === 0
      ? 'run "npm ci" to install it again'
      : platform === 'darwin'
        ? 'on a Mac with Apple silicon install the arm64 build of Node; ONNX Runtime no longer supports Intel Macs'
        : 'run mia on one of these platforms'
  throw new UserError(
    `Cannot run models on ${platform} ${arch}: onnxruntime-node has libraries for ${known || 'no platform'}; ${advice}`,
  )
}

const LIBRARY = /^(libonnxruntime\.so\.\d+|libonnxruntime\.[\d.]+\.dylib|onnxruntime\.dll)$/

/** The version of the package onnxruntime-node. Throws UserError if it is not installed. */
export async function engineVersion(): Promise<string> {
  return (JSON.parse(await readFile(packageFile(), 'utf8')) as { version: string }).version
}

function packageFile(): string {
  try {
    return require.resolve('onnxruntime-node/package.json')
  } catch (error) {
    throw new UserError('Cannot run models: the package "onnxruntime-node" is not installed; run "npm ci"', {
      cause: error,
    })
  }
}

/**
 * The libraries that were loaded. koffi unloads a library once its object is garbage collected, although functions
 * decoded from addresses, which OrtApi calls, still point into it.
 */
const kept = new Set<Library>()

/**
 * Loads ONNX Runtime's library, with its telemetry turned off, for the rest of the process. Throws UserError if the
 * system cannot load it.
 */
export function openLibrary(path: string): Library {
  disableTelemetry()
  try {
    const library = koffi().load(path)
    kept.add(library)
    return library
  } catch (error) {
    throw new UserError(`Cannot load ONNX Runtime from "${path}": ${firstLine(error)}; ${loadAdvice()}`, {
      cause: error,
    })
  }
}

/** Whether the system finds and can load a library of that name. */
export function canLoad(name: string): boolean {
  try {
    kept.add(koffi().load(name))
    return true
  } catch {
    return false
  }
}

/** What decides why a library that exists cannot be loaded. */
interface LoadConditions {
  readonly platform: string
  /** Linux with the GNU C library */
  readonly glibc: boolean
  /** Yarn's Plug'n'Play, which keeps packages in zip archives */
  readonly plugAndPlay: boolean
}

/** What to do if the system refuses to load ONNX Runtime's library. */
export function loadAdvice({ platform, glibc, plugAndPlay }: LoadConditions = conditions()): string {
  if (plugAndPlay)
    return 'the system cannot load libraries from Yarn\'s zip archives: write "nodeLinker: node-modules" to .yarnrc.yml and run "yarn install"'
  if (platform === 'linux' && !glibc)
    return 'it needs the GNU C library, which Alpine and other musl systems lack: use a Debian-based image such as "node:22-slim"'
  if (platform === 'win32')
    return 'install the Microsoft Visual C++ Redistributable, or run "npm ci" to install the library again'
  return 'run "npm ci" to install it again'
}

function conditions(): LoadConditions {
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }
  return {
    platform: process.platform,
    glibc: header.glibcVersionRuntime !== undefined,
    plugAndPlay: 'pnp' in process.versions,
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]!
}
