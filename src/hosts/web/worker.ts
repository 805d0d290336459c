// The worker of a captioner in a page: everything but the page itself runs here, so that the page stays responsive.
import type { Captioner } from '../../caption/captioner.ts'
import { ImageError, type ImageInput } from '../../engine/pictures.ts'
import type { CaptionerInfo, FromWorker, SentError, ToWorker, WebRequest, WebResults } from './messages.ts'
import { openFiles } from './open.ts'
import { webRuntime } from './runtime.ts'
import { fetchCaptioner } from './store.ts'

let captioner: Captioner | undefined
/** The work in progress by its number. */
const working = new Map<number, AbortController>()

const send = (message: FromWorker): void => postMessage(message)

addEventListener('message', async ({ data }: MessageEvent<ToWorker>) => {
  if ('abort' in data) return working.get(data.abort)?.abort()
  const { id, request } = data
  const abort = new AbortController()
  working.set(id, abort)
  try {
    const onProgress = (done: number, total: number): void => send({ id, progress: [done, total] })
    send({ id, result: await work(request, abort.signal, onProgress) })
  } catch (error) {
    send({ id, error: sent(error) })
  } finally {
    working.delete(id)
  }
})

async function work(
  request: WebRequest,
  signal: AbortSignal,
  onProgress: (done: number, total: number) => void,
): Promise<WebResults[WebRequest['kind']]> {
  if (request.kind === 'load') return load(request, signal, onProgress)
  if (!captioner) throw new Error('Internal: the captioner is not loaded')
  const image: ImageInput = request.image instanceof Blob ? await request.image.arrayBuffer() : request.image
  return captioner[request.kind](image, { ...request.options, signal })
}

async function load(
  { folder, runtime: files, backend }: Extract<WebRequest, { kind: 'load' }>,
  signal: AbortSignal,
  onProgress: (done: number, total: number) => void,
): Promise<CaptionerInfo> {
  const { index, files: fetched } = await fetchCaptioner(new URL(folder), { onProgress, signal })
  const runtime = await webRuntime(backend, new URL(files))
  captioner = await openFiles(runtime, folder, fetched)
  signal.throwIfAborted()
  return {
    backend,
    threads: runtime.threads,
    model: captioner.trained.config.model,
    index,
    calibrated: captioner.trained.calibration !== undefined,
  }
}

function sent(error: unknown): SentError {
  const { name, message } = error instanceof Error ? error : new Error(String(error))
  return { name, message, ...(error instanceof ImageError && { reason: error.reason }) }
}
