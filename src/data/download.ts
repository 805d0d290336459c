// Downloads files of any size over HTTP. A download goes to `<path>.part`, with the validators of the server's answer
// (RFC 9110, section 8.8) in `<path>.part.json`; the next call asks for the rest with Range and If-Range. Servers break
// off, ignore Range and send wrong lengths, so only the number of received bytes and the checksum decide.
import { open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { throwFileError } from '../disk/errno.ts'
import { makeFolder, writeFileAtomic } from '../disk/files.ts'
import { UserError } from '../errors.ts'
import { counted, thousands } from '../wording.ts'
import { discard, hashFile, readValidators, sidecar, sizeOf, validatorsOf, writeAt } from './download-part.ts'
import { networkFault } from './network-faults.ts'
import { StallWatch } from './stall-watch.ts'

/** A file to download. */
export interface RemoteFile {
  readonly url: string
  /** Size in bytes, if it is published. */
  readonly bytes?: number
  /** SHA-256 in hexadecimal, if it is published. */
  readonly sha256?: string
}

/** Options of download(). */
export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined
  /** Called with the number of bytes on the disk; it falls where a download starts again. */
  readonly onBytes?: ((done: number) => void) | undefined
  /** Called with a sentence whenever the download breaks off and is tried again. */
  readonly onRetry?: ((why: string) => void) | undefined
  /** Attempts in a row that bring no new bytes before the download fails; default: 6. */
  readonly attempts?: number | undefined
  /** Pause before the second attempt, in milliseconds; it doubles up to a minute. Default: 1,000. */
  readonly pauseMs?: number | undefined
  /** An attempt ends when no byte arrives for this time, in milliseconds; default: 60,000. */
  readonly stallMs?: number | undefined
}

/** An attempt that failed and may succeed later; the message completes "train2017.zip: ...". */
class Interrupted extends Error {
  /** The pause that the server asked for, in milliseconds. */
  readonly afterMs: number | undefined

  constructor(message: string, afterMs?: number) {
    super(message)
    this.afterMs = afterMs
  }
}

const LONGEST_PAUSE_MS = 60_000
/** Statuses that may be gone later: timeouts, too many requests, faults of the server. */
const TRANSIENT = new Set([408, 425, 429, 500, 502, 503, 504])

/**
 * Downloads a file to `path`, whose folder it makes. Returns at once if the file is there with the published size.
 * Resumes what an earlier call left in `<path>.part`, tries again with growing pauses after a failure that may pass,
 * and compares size and SHA-256, where they are known, before the file gets its name. Throws UserError, and keeps
 * `<path>.part` where it is of use, if the server refuses or the file it sends is another one.
 */
export async function download(file: RemoteFile, path: string, options: DownloadOptions = {}): Promise<void> {
  const { onBytes, onRetry, attempts = 6, pauseMs = 1000, signal } = options
  if (await isComplete(file, path)) return onBytes?.(file.bytes ?? 0)
  await makeFolder(dirname(path))
  const part = `${path}.part`
  let furthest = await sizeOf(part)
  let wrongContent = 0
  for (let failures = 0; ; ) {
    signal?.throwIfAborted()
    try {
      await fetchRest(file, path, options)
      const wrong = await checkContent(file, part, signal)
      if (wrong === undefined) break
      await discard(path)
      furthest = 0
      if (++wrongContent === 2)
        throw new UserError(`Cannot download "${file.url}": ${wrong}; it may be damaged, or another file by now`)
      onRetry?.(`${wrong}; downloading it again`)
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof Interrupted)) throw error
      const size = await sizeOf(part)
      if (size > furthest) failures = 0 // a server that sends the same half again and again makes no progress
      furthest = Math.max(furthest, size)
      if (++failures >= attempts) throw givenUp(file, part, size, error.message)
      const pause = Math.min(LONGEST_PAUSE_MS, error.afterMs ?? pauseMs * 2 ** (failures - 1))
      onRetry?.(`${error.message}; trying again in ${Math.ceil(pause / 1000)} s`)
      await sleep(pause, undefined, { signal })
    }
  }
  await rename(part, path).catch((error) => throwFileError('write', path, error))
  await rm(sidecar(path), { force: true })
}

/** The bytes of a file that are on the disk, whether complete or in its `.part` file. */
export async function downloadedBytes(path: string): Promise<number> {
  return (await sizeOf(path)) || (await sizeOf(`${path}.part`))
}

/** Whether the file is there. Throws UserError if it has another size than the published one. */
async function isComplete({ bytes }: RemoteFile, path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  if (!found) return false
  if (bytes !== undefined && found.size !== bytes)
    throw new UserError(
      `Cannot use "${path}": it has ${thousands(found.size)} bytes and should have ${thousands(bytes)}; remove it`,
    )
  return true
}

function givenUp({ url, bytes }: RemoteFile, part: string, size: number, why: string): UserError {
  const of = bytes === undefined ? '' : ` of ${thousands(bytes)}`
  const kept =
    size === 0 ? 'try again later' : `${thousands(size)}${of} bytes are in "${part}": run the same command to resume`
  return new UserError(`Cannot download "${url}": ${why}; ${kept}`)
}

/** Requests what the `.part` file lacks and appends it. Throws Interrupted for a failure that may pass. */
async function fetchRest(file: RemoteFile, path: string, options: DownloadOptions): Promise<void> {
  const part = `${path}.part`
  const known = await readValidators(path)
  const had = await sizeOf(part)
  const isPartOfIt = file.bytes === undefined || had <= file.bytes
  // Without a validator the server may have replaced the file since; the checksum would show that.
  const resumable = isPartOfIt && known?.url === file.url && (known.validator ?? file.sha256) !== undefined
  const start = resumable ? had : 0
  if (start > 0 && start === file.bytes) return
  const watch = new StallWatch(options)
  try {
    const response = await request(file, start, known?.validator, watch)
    const from = await acceptedStart(file, response, start, path)
    if (from === undefined) return
    await writeFileAtomic(sidecar(path), JSON.stringify(validatorsOf(file.url, response)))
    await append(file, response, { part, from, options, watch })
  } catch (error) {
    options.signal?.throwIfAborted()
    if (error instanceof UserError || error instanceof Interrupted) throw error
    throw new Interrupted(watch.stalled ? watch.message : networkFault(error))
  } finally {
    watch.stop()
  }
  await checkLength(file, part)
}

function request(
  { url }: RemoteFile,
  start: number,
  validator: string | undefined,
  { signal }: StallWatch,
): Promise<Response> {
  const headers: Record<string, string> = { 'accept-encoding': 'identity' }
  if (start > 0) {
    headers.range = `bytes=${start}-`
    if (validator !== undefined) headers['if-range'] = validator
  }
  return fetch(url, { headers, signal })
}

/**
 * The byte that the body of an answer starts at, or undefined if the `.part` file is complete. Throws Interrupted for a
 * status that may pass, UserError for any other.
 */
async function acceptedStart(
  file: RemoteFile,
  response: Response,
  start: number,
  path: string,
): Promise<number | undefined> {
  const { status, headers } = response
  const answered = `the server answered ${status}${response.statusText && ` ${response.statusText}`}`
  if (status === 206) {
    const [, first, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '') ?? []
    if (Number(first) === start && first !== undefined) {
      if (file.bytes !== undefined && total !== '*' && Number(total) !== file.bytes)
        throw otherFile(file, `the server's file has ${counted(Number(total), 'byte')}`)
      return start
    }
    await drop(response)
    await discard(path)
    throw new Interrupted(`${answered} with other bytes than asked for`)
  }
  if (status === 200) {
    if (/^text\/html\b/i.test(headers.get('content-type') ?? '') && !/\.html?$/i.test(new URL(file.url).pathname)) {
      await drop(response)
      throw new UserError(
        `Cannot download "${file.url}": the answer is a web page, not the file; a proxy or a login page may be in between`,
      )
    }
    return 0
  }
  await drop(response)
  if (status === 416) {
    const total = /^bytes \*\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1]
    if (file.bytes === undefined && total !== undefined && Number(total) === start) return undefined
    await discard(path)
    throw new Interrupted(`${answered} to the request for the rest`)
  }
  if (TRANSIENT.has(status)) throw new Interrupted(answered, retryAfter(headers))
  throw new UserError(`Cannot download "${file.url}": ${answered}; check the address`)
}

const drop = async (response: Response): Promise<void> => response.body?.cancel().catch(() => {})

function otherFile({ url, bytes }: RemoteFile, what: string): UserError {
  return new UserError(`Cannot download "${url}": ${what}, the published one ${thousands(bytes!)}; it is another file`)
}

/** The pause of a Retry-After header in milliseconds; undefined if it is absent or a date. */
function retryAfter(headers: Headers): number | undefined {
  const seconds = headers.get('retry-after')
  return seconds !== null && /^\d+$/.test(seconds) ? Number(seconds) * 1000 : undefined
}

/** Writes the body of an answer to the `.part` file, from byte `from` on. */
async function append(
  file: RemoteFile,
  { body }: Response,
  {
    part,
    from,
    options: { onBytes },
    watch,
  }: { part: string; from: number; options: DownloadOptions; watch: StallWatch },
): Promise<void> {
  const handle = await open(part, from === 0 ? 'w' : 'r+').catch((error) => throwFileError('write', part, error))
  let size = from
  try {
    onBytes?.(size)
    for await (const chunk of body ?? []) {
      watch.alive()
      if (file.bytes !== undefined && size + chunk.length > file.bytes)
        throw otherFile(file, `the server sends more than ${thousands(file.bytes)} bytes`)
      await writeAt(handle, chunk, size, part)
      size += chunk.length
      onBytes?.(size)
    }
  } finally {
    await handle.truncate(size).catch(() => {}) // a chunk written in part must not count
    await handle.sync().catch(() => {})
    await handle.close()
  }
}

/** Throws Interrupted if the `.part` file is shorter than the published size: the server ended too early. */
async function checkLength({ bytes }: RemoteFile, part: string): Promise<void> {
  const size = await sizeOf(part)
  if (bytes !== undefined && size < bytes)
    throw new Interrupted(`the server ended after ${thousands(size)} of ${thousands(bytes)} bytes`)
}

/** What is wrong with the content of a complete `.part` file; undefined if its checksum fits or is not published. */
async function checkContent(
  { sha256 }: RemoteFile,
  part: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  if (sha256 === undefined) return undefined
  const found = await hashFile(part, signal)
  return found === sha256
    ? undefined
    : `its SHA-256 is ${found.slice(0, 12)}... and should be ${sha256.slice(0, 12)}...`
}
