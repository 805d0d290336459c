import type { CaptionOptions } from '../../caption/caption-options.ts'
import type { ExplainedCaption, ImageCaption } from '../../caption/photo-caption.ts'
import { ImageError, type ImageInput } from '../../engine/pictures.ts'
import { UserError } from '../../errors.ts'
import type { Watch } from '../../progress.ts'
import type { CaptionerInfo, FromWorker, SentError, ToWorker, WebRequest, WebResults } from './messages.ts'
import type { WebBackend } from './runtime.ts'

/** Options for loading a captioner in a page. `onProgress` is called with bytes of the captioner's files. */
export interface WebCaptionerOptions extends Watch {
  /** what to compute with: by default WebAssembly, which is faster for models of this size (docs/page.md) */
  readonly backend?: WebBackend
  /**
   * the folder of ONNX Runtime's .mjs and .wasm files, copied from `onnxruntime-web/dist`; by default `ort/` beside the
   * page
   */
  readonly runtime?: string | URL
  /** the worker's script, if your bundler does not find `new URL('./worker.js', import.meta.url)` */
  readonly worker?: string | URL
}

/** Work that the worker does, and who waits for it. */
interface Waiting {
  resolve(result: never): void
  reject(reason: unknown): void
  onProgress?(done: number, total: number): void
}

/**
 * A trained captioner in a page. It runs in a worker, in the browser alone: no image leaves the device.
 *
 * @example
 * const captioner = await Captioner.load('model/', { onProgress: (done, total) => { bar.value = done / total } })
 * const { caption } = await captioner.caption(input.files[0])
 */
export class Captioner {
  /** what it is made of and computes with */
  readonly info: CaptionerInfo
  readonly #worker: WorkerLink

  private constructor(worker: WorkerLink, info: CaptionerInfo) {
    this.#worker = worker
    this.info = info
  }

  /**
   * Loads a captioner from a folder that `mia export --web` wrote, by its address. Its files are fetched once, checked
   * and kept in the browser's cache. Throws UserError if one is missing or damaged, and `signal.reason` if aborted.
   */
  static async load(
    folder: string | URL,
    { backend = 'wasm', runtime = 'ort/', worker, onProgress, signal }: WebCaptionerOptions = {},
  ): Promise<Captioner> {
    const absolute = (address: string | URL): string => new URL(address, document.baseURI).href
    const withSlash = (address: string): string => (address.endsWith('/') ? address : `${address}/`)
    const link = new WorkerLink(
      worker === undefined
        ? new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
        : new Worker(worker, { type: 'module' }),
    )
    const request = {
      kind: 'load',
      folder: withSlash(absolute(folder)),
      runtime: withSlash(absolute(runtime)),
      backend,
    } as const
    try {
      return new Captioner(link, await link.ask(request, { signal, onProgress }))
    } catch (error) {
      link.close()
      throw error
    }
  }

  /**
   * Captions an image: a file, bytes, or pixels such as an ImageData. Throws ImageError if the browser cannot read it,
   * and `signal.reason` if aborted.
   */
  async caption(image: ImageInput | Blob, { signal, ...options }: CaptionOptions = {}): Promise<ImageCaption> {
    return this.#worker.ask({ kind: 'caption', image, options }, { signal })
  }

  /** Captions an image and returns the attention of each word. Throws as caption() does. */
  async explain(image: ImageInput | Blob, { signal, ...options }: CaptionOptions = {}): Promise<ExplainedCaption> {
    return this.#worker.ask({ kind: 'explain', image, options }, { signal })
  }

  /** Ends the worker and frees its memory. Calls in progress and later ones throw UserError. */
  release(): void {
    this.#worker.close()
  }
}

/** Asks a worker for results, any number at once. */
class WorkerLink {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #asked = 0
  #closed = false

  constructor(worker: Worker) {
    this.#worker = worker
    worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => this.#receive(data))
    worker.addEventListener('error', ({ message }) =>
      this.#fail(new UserError(`Cannot caption: the worker failed${message ? ` (${message})` : ' to start'}`)),
    )
  }

  ask<R extends WebRequest>(
    request: R,
    { signal, onProgress }: { signal?: AbortSignal | undefined; onProgress?: Watch['onProgress'] | undefined } = {},
  ): Promise<WebResults[R['kind']]> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new UserError('Cannot caption: this captioner was released; load another')
      signal?.throwIfAborted()
      const id = this.#asked++
      const abort = (): void => {
        this.#send({ abort: id })
        this.#waiting.delete(id)
        reject(signal!.reason)
      }
      signal?.addEventListener('abort', abort, { once: true })
      const settled =
        <T>(settle: (value: T) => void) =>
        (value: T): void => {
          signal?.removeEventListener('abort', abort)
          settle(value)
        }
      this.#waiting.set(id, { resolve: settled(resolve), reject: settled(reject), ...(onProgress && { onProgress }) })
      this.#send({ id, request })
    })
  }

  close(): void {
    this.#worker.terminate()
    this.#fail(new UserError('Cannot caption: this captioner was released; load another'))
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message)
  }

  #receive(message: FromWorker): void {
    const waiting = this.#waiting.get(message.id)
    if (!waiting) return
    if ('progress' in message) {
      waiting.onProgress?.(...message.progress)
      return
    }
    this.#waiting.delete(message.id)
    if ('error' in message) waiting.reject(received(message.error))
    else waiting.resolve(message.result as never)
  }

  #fail(error: Error): void {
    this.#closed = true
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}

/** The worker's error as one of this side. */
function received({ name, message, reason }: SentError): Error {
  if (name === 'ImageError') return new ImageError(/image(?: "[^"]*")?/.exec(message)![0], reason!)
  if (name === 'UserError') return new UserError(message)
  return Object.assign(new Error(message), { name })
}
