// The `.part` file of a download, and what is known about it.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, readFile, rm, stat } from 'node:fs/promises'
import { throwFileError } from '../disk/errno.ts'

/** What a server said about the bytes in a `.part` file. */
export interface Validators {
  readonly url: string
  /** A strong ETag or a Last-Modified date, for If-Range. */
  readonly validator?: string | undefined
}

/** The file with the validators of a download to `path`. */
export const sidecar = (path: string): string => `${path}.part.json`

/** The size of a file in bytes; 0 if it is not there. */
export const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(() => undefined))?.size ?? 0

/** Removes the `.part` file and what is known about it. */
export async function discard(path: string): Promise<void> {
  await rm(`${path}.part`, { force: true })
  await rm(sidecar(path), { force: true })
}

/** What an answer says about its bytes. A weak ETag does not promise equal ones: it cannot be used with If-Range. */
export function validatorsOf(url: string, { headers }: Response): Validators {
  const etag = headers.get('etag')
  return { url, validator: etag?.startsWith('"') ? etag : (headers.get('last-modified') ?? undefined) }
}

/** The validators of a download to `path`. Anything but a record of this program means that nothing is known. */
export async function readValidators(path: string): Promise<Validators | undefined> {
  try {
    const { url, validator } = JSON.parse(await readFile(sidecar(path), 'utf8')) as Record<string, unknown>
    return typeof url === 'string'
      ? { url, validator: typeof validator === 'string' ? validator : undefined }
      : undefined
  } catch {
    return undefined
  }
}

/** Writes bytes at a place of the `.part` file. Throws UserError if they cannot be written, as on a full disk. */
export async function writeAt(handle: FileHandle, chunk: Uint8Array, position: number, part: string): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await handle
      .write(chunk, done, chunk.length - done, position + done)
      .catch((error) => throwFileError('write', part, error))
    done += bytesWritten
  }
}

/** The SHA-256 of a file, in hexadecimal. */
export async function hashFile(path: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
      signal?.throwIfAborted()
      hash.update(chunk as Uint8Array)
    }
  } catch (error) {
    throwFileError('read', path, error)
  }
  return hash.digest('hex')
}
