import { parseWebIndex, WEB_INDEX, type WebIndex } from '../../caption/web-index.ts'
import { UserError } from '../../errors.ts'
import { sha256 } from '../../formats/sha256.ts'
import type { Progress } from '../../progress.ts'

/** The cache of all captioners' files in this origin. */
const CACHE = 'mia-captioners'

/** How files are fetched. */
export interface FetchOptions {
  /** called with the bytes fetched or found in the cache, and those of all files */
  readonly onProgress?: Progress
  readonly signal?: AbortSignal
}

/**
 * Fetches all files of a captioner from the folder that `mia export --web` wrote, checks size and SHA-256 of each, and
 * keeps them in the browser's cache: another time only the list is asked for, and without a network the files are
 * there. A file that two captioners have is fetched once. Files that the list no longer names leave the cache. Throws
 * UserError, naming the address, for a file that cannot be fetched or is not the one listed.
 */
export async function fetchCaptioner(
  folder: URL,
  { onProgress, signal }: FetchOptions = {},
): Promise<{ index: WebIndex; files: Map<string, Uint8Array> }> {
  if (!globalThis.isSecureContext)
    throw new UserError(`Cannot load "${folder}" here: browsers check and keep files for https and localhost alone`)
  const cache = await openCache()
  const index = await fetchIndex(new URL(WEB_INDEX, folder), cache, signal)
  const keptAs = await keysByContent(cache)
  const total = index.files.reduce((sum, { bytes }) => sum + bytes, 0)
  const files = new Map<string, Uint8Array>()
  let done = 0
  for (const { path, bytes, sha256: digest } of index.files) {
    const address = new URL(path, folder)
    const key = keyOf(address, digest)
    const kept = await cache?.match(keptAs.get(digest) ?? key)
    const found = kept && new Uint8Array(await kept.arrayBuffer())
    if (found && (await sha256(found)) === digest) files.set(path, found)
    else {
      const fetched = await download(address, bytes, (read) => onProgress?.(done + read, total), signal)
      if ((await sha256(fetched)) !== digest)
        throw new UserError(
          `Cannot use "${address}": it is not the file that ${WEB_INDEX} lists (another SHA-256); export the folder again and copy it whole`,
        )
      await keep(cache, key, fetched)
      files.set(path, fetched)
    }
    done += bytes
    onProgress?.(done, total)
  }
  await forgetOthers(cache, folder, index)
  return { index, files }
}

/** A file's key in the cache: another content has another key. */
const keyOf = (address: URL, digest: string): string => `${address.origin}${address.pathname}?sha256=${digest}`

/** The keys of what the cache has, by the SHA-256 of their contents. */
async function keysByContent(cache: Cache | undefined): Promise<Map<string, string>> {
  const kept = (await cache?.keys()) ?? []
  return new Map(kept.map(({ url }) => [new URL(url).searchParams.get('sha256') ?? '', url]))
}

/** The cache; undefined where the browser has none, as in some private windows. */
const openCache = (): Promise<Cache | undefined> => caches.open(CACHE).catch(() => undefined)

/** The list from the network, or that of the last time without one. */
async function fetchIndex(address: URL, cache: Cache | undefined, signal: AbortSignal | undefined): Promise<WebIndex> {
  const response = await fetch(address, { cache: 'no-cache', ...(signal && { signal }) }).catch((error: unknown) => {
    signal?.throwIfAborted()
    return error as Error
  })
  const usable = response instanceof Response && response.ok
  const text = usable ? await response.text() : await (await cache?.match(address))?.text()
  if (text === undefined) return fail(address, response)
  const index = parseWebIndex(parseJson(text), address.href)
  if (usable) await keep(cache, address.href, new TextEncoder().encode(text))
  return index
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Fetches a file of `size` bytes; `onRead` is called with the bytes read so far. */
async function download(
  address: URL,
  size: number,
  onRead: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const response = await fetch(address, signal ? { signal } : {}).catch((error: unknown) => {
    signal?.throwIfAborted()
    return error as Error
  })
  if (response instanceof Error || !response.ok || !response.body) return fail(address, response)
  const bytes = new Uint8Array(size)
  let read = 0
  const reader = response.body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    if (read + value.length > size) fail(address, `it has more than the ${size} bytes that ${WEB_INDEX} lists`)
    bytes.set(value, read)
    read += value.length
    onRead(read)
  }
  if (read < size) fail(address, `it has ${read} of the ${size} bytes that ${WEB_INDEX} lists`)
  return bytes
}

function fail(address: URL, why: Response | Error | string): never {
  const reason =
    typeof why === 'string'
      ? why
      : why instanceof Error
        ? `${why.message}; are you online?`
        : `the server answers ${why.status}`
  throw new UserError(`Cannot fetch "${address}": ${reason}`)
}

/** Keeps bytes in the cache. A full or forbidden cache only means that they are fetched again. */
async function keep(cache: Cache | undefined, key: string, bytes: Uint8Array): Promise<void> {
  await cache?.put(key, new Response(bytes as Uint8Array<ArrayBuffer>)).catch(() => {})
}

/** Removes earlier files of the same folder. A captioner to compare with, in a folder of its own, keeps its files. */
async function forgetOthers(cache: Cache | undefined, folder: URL, { files, withoutMia }: WebIndex): Promise<void> {
  const keys = new Set(files.map(({ path, sha256 }) => keyOf(new URL(path, folder), sha256)))
  const other = withoutMia && new URL(`${withoutMia.folder}/`, folder).href
  const isOurs = (url: string): boolean =>
    url.startsWith(folder.href) && url.includes('?sha256=') && !(other !== undefined && url.startsWith(other))
  for (const { url } of (await cache?.keys()) ?? []) if (isOurs(url) && !keys.has(url)) await cache!.delete(url)
}
