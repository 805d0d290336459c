import type { InferenceSession as CompiledModel } from 'onnxruntime-web'
import { forWebgpu } from '../../engine/for-webgpu.ts'
import { compileParts } from '../../engine/host-part-session.ts'
import type { Runtime, Session } from '../../engine/session.ts'
import { widened } from '../../engine/widen.ts'
import { UserError } from '../../errors.ts'
import { type InTurn, refuse, WebSession } from './session.ts'
import type { Ort } from './tensors.ts'

/** What ONNX Runtime computes with in a page: the GPU by WebGPU, or the processor by WebAssembly. */
export type WebBackend = 'webgpu' | 'wasm'

/** ONNX Runtime in a page. */
export interface WebRuntime extends Runtime {
  readonly backend: WebBackend
  /** threads of WebAssembly; more than one needs a page that is cross-origin isolated */
  readonly threads: number
}

/** The names of the files of ONNX Runtime that each backend fetches, as its package calls them. */
const RUNTIME_FILES = {
  wasm: { mjs: 'ort-wasm-simd-threaded.mjs', wasm: 'ort-wasm-simd-threaded.wasm' },
  webgpu: { mjs: 'ort-wasm-simd-threaded.asyncify.mjs', wasm: 'ort-wasm-simd-threaded.asyncify.wasm' },
} as const

/** More threads than this make no caption faster. */
const MAX_THREADS = 8

/**
 * ONNX Runtime on a backend, its files fetched from the folder `files`. WebAssembly has as many threads as the
 * processor, at most 8, where the page is cross-origin isolated, else one. Throws UserError if the package
 * onnxruntime-web is missing or the files cannot be fetched.
 */
export async function webRuntime(backend: WebBackend, files: URL): Promise<WebRuntime> {
  // two builds, of which a page fetches one: that with WebGPU is twice as large
  const ort: Ort = await (backend === 'webgpu'
    ? import('onnxruntime-web/webgpu').catch(missing)
    : import('onnxruntime-web/wasm').catch(missing))
  const { env, InferenceSession } = ort
  const { mjs, wasm } = RUNTIME_FILES[backend]
  const threads = crossOriginIsolated ? Math.min(navigator.hardwareConcurrency, MAX_THREADS) : 1
  env.logLevel = 'error'
  env.wasm.numThreads = threads
  env.wasm.wasmPaths = { mjs: new URL(mjs, files), wasm: new URL(wasm, files) }
  const inTurn = oneByOne()
  const compile = (model: Uint8Array, provider: WebBackend): Promise<CompiledModel> =>
    inTurn(() =>
      InferenceSession.create(model, {
        executionProviders: [provider],
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
        ...(provider === 'webgpu' && { preferredOutputLocation: 'gpu-buffer' as const }),
      }).catch((error: unknown) => {
        const said = error instanceof Error ? error.message : String(error)
        if (/no available backend/.test(said))
          throw new UserError(
            `Cannot start ONNX Runtime with ${provider} from ${files}: ${said}` +
              (provider === 'webgpu' ? '; without a GPU for pages compute with WebAssembly, the default' : ''),
          )
        return refuse(error)
      }),
    )
  const load = async (model: Uint8Array): Promise<Session> => new WebSession(ort, await compile(model, 'wasm'), inTurn)
  const loadOnGpu = async (model: Uint8Array): Promise<Session> => {
    const { device, hostPart } = await compileParts(model, load, (part) => compile(forWebgpu(part), 'webgpu'))
    return new WebSession(ort, device, inTurn, { prepare: widened, hostPart })
  }
  return { backend, threads, load: backend === 'webgpu' ? loadOnGpu : load }
}

/** Throws what to do about a package that the bundler or the browser did not find. */
function missing(error: unknown): never {
  throw new UserError(
    `Cannot load onnxruntime-web (${error instanceof Error ? error.message : error}): if it is not installed, run ` +
      '"npm install onnxruntime-web" and bundle the page again; else see whether you are online',
  )
}

/** A queue of work, done one by one. */
function oneByOne(): InTurn {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const done = last.then(work)
    last = done.catch(() => {})
    return done
  }
}
