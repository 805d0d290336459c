import { createWriteStream } from 'node:fs'
import { type FileHandle, mkdir, rename, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl'
import { crc32 } from '../disk/crc32.ts'
import { describeErrno } from '../disk/errno.ts'
import { openForReading, readFully } from '../disk/files.ts'
import { UserError } from '../errors.ts'
import type { Watch } from '../progress.ts'
import { show, thousands } from '../wording.ts'

/** Options of unpackZip(). */
export interface UnpackOptions extends Watch {
  /** The archive. */
  readonly path: string
  /** The folder to unpack into. */
  readonly folder: string
  /** Selects entries by their path in the archive; default: all. */
  readonly wanted?: (name: string) => boolean
}

/** What unpackZip() did. */
export interface Unpacked {
  /** The selected files, by their path in the archive. */
  readonly files: readonly string[]
  /** Number of them that were there already, with their size. */
  readonly kept: number
}

/** Entries that are unpacked at once: opening and renaming small files takes as long as copying them. */
const AT_ONCE = 8
/** Bytes of one read. */
const PIECE = 1 << 18
/** The bits of a Unix file mode that hold the file type, and the type of a symbolic link. */
const TYPE_MASK = 0o170000
const SYMBOLIC_LINK = 0o120000

/**
 * Unpacks a zip archive, Zip64 included, straight from the file: each entry is read at its place, checked against its
 * size and CRC-32, and renamed when it is complete. Files that are there with the size of their entry are kept, so that
 * an interrupted call resumes. `onProgress` counts files. Throws UserError if the file is not a zip archive or is
 * damaged, if the disk has too little space, and for an entry that leaves the folder, before anything is written.
 */
export async function unpackZip(options: UnpackOptions): Promise<Unpacked> {
  const { path, folder, signal, onProgress } = options
  const file = await openForReading(path, 'archive')
  try {
    const { size } = await file.stat()
    const archive = await fromRandomAccessReaderPromise(new FileReader(file, path), size, { autoClose: false }).catch(
      (error) => refuse(path, error),
    )
    const entries = await listEntries(archive, options)
    const missing: Entry[] = []
    for (const entry of entries) if (!(await isUnpacked(entry, folder))) missing.push(entry)
    await checkSpace(missing, options)
    let done = entries.length - missing.length
    onProgress?.(done, entries.length)
    const queue = missing.values() // shared by the workers
    const work = async (): Promise<void> => {
      for (const entry of queue) {
        signal?.throwIfAborted()
        await unpackEntry(archive, entry, options)
        onProgress?.(++done, entries.length)
      }
    }
    // All workers end before the file is closed.
    const workers = await Promise.allSettled(Array.from({ length: AT_ONCE }, work))
    const failed = workers.find((worker) => worker.status === 'rejected')
    if (failed) throw failed.reason
    return { files: entries.map(({ fileName }) => fileName), kept: entries.length - missing.length }
  } finally {
    await file.close()
  }
}

/** Reads ranges of an open file. The reader of yauzl ends the process if an entry is abandoned between two reads. */
class FileReader extends RandomAccessReader {
  readonly #file: FileHandle
  /** what errors call it */
  readonly #name: string

  constructor(file: FileHandle, path: string) {
    super()
    this.#file = file
    this.#name = `archive "${path}"`
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.#pieces(start, end), { objectMode: false })
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    readFully(this.#file, buffer.subarray(offset, offset + length), position, this.#name).then(
      () => callback(null),
      callback,
    )
  }

  async *#pieces(start: number, end: number): AsyncGenerator<Buffer> {
    for (let at = start; at < end; at += PIECE) {
      const piece = Buffer.allocUnsafe(Math.min(PIECE, end - at))
      await readFully(this.#file, piece, at, this.#name)
      yield piece
    }
  }
}

/** The files that `wanted` selects. Throws UserError for a directory that cannot be read. */
async function listEntries(
  archive: ZipFile,
  { path, wanted = () => true, signal }: UnpackOptions,
): Promise<readonly Entry[]> {
  const entries: Entry[] = []
  try {
    // yauzl refuses absolute names, names with "..", and backslashes become slashes.
    for await (const entry of archive.eachEntry()) {
      signal?.throwIfAborted()
      const isFolder = entry.fileName.endsWith('/')
      if (!isFolder && wanted(entry.fileName)) entries.push(checkKind(entry, path))
    }
  } catch (error) {
    signal?.throwIfAborted()
    refuse(path, error)
  }
  return entries
}

function checkKind(entry: Entry, path: string): Entry {
  const isLink = ((entry.externalFileAttributes >>> 16) & TYPE_MASK) === SYMBOLIC_LINK
  const kind = entry.isEncrypted() ? 'an encrypted file' : isLink ? 'a symbolic link' : undefined
  if (kind === undefined) return entry
  throw new UserError(`Cannot unpack "${path}": its entry ${show(entry.fileName)} is ${kind}`)
}

async function isUnpacked({ fileName, uncompressedSize }: Entry, folder: string): Promise<boolean> {
  const found = await stat(join(folder, fileName)).catch(() => undefined)
  return found?.isFile() === true && found.size === uncompressedSize
}

/** Throws UserError if the disk has less space than the files take: a full disk would end it after an hour. */
async function checkSpace(entries: readonly Entry[], { path, folder }: UnpackOptions): Promise<void> {
  const needed = entries.reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0)
  if (needed === 0) return
  await mkdir(folder, { recursive: true }).catch((error) => refuse(path, error))
  const { bavail, bsize } = await statfs(folder)
  if (needed > bavail * bsize)
    throw new UserError(
      `Cannot unpack "${path}": its files take ${thousands(needed)} bytes, and "${folder}" has space for ` +
        `${thousands(bavail * bsize)}`,
    )
}

async function unpackEntry(archive: ZipFile, entry: Entry, { path, folder, signal }: UnpackOptions): Promise<void> {
  const target = join(folder, entry.fileName)
  const part = `${target}.part`
  try {
    await mkdir(dirname(target), { recursive: true })
    await writeFile(part, '') // the stream must not create it: it could do so after an abort has removed it
    const checksum = new Checksum()
    const content = await archive.openReadStreamPromise(entry)
    await pipeline(content, checksum, createWriteStream(part, { flags: 'r+' }), { ...(signal && { signal }) })
    if (checksum.value !== entry.crc32)
      throw new UserError(
        `Cannot unpack "${path}": the checksum of its entry ${show(entry.fileName)} is wrong; the archive is damaged`,
      )
    await rename(part, target)
  } catch (error) {
    await rm(part, { force: true }).catch(() => {})
    signal?.throwIfAborted()
    refuse(path, error, entry.fileName)
  }
}

/** Passes bytes on and computes their CRC-32. */
class Checksum extends Transform {
  value = 0

  override _transform(chunk: Uint8Array, _: unknown, done: (error: null, chunk: Uint8Array) => void): void {
    this.value = crc32(chunk, this.value)
    done(null, chunk)
  }
}

/** Throws UserError for a fault of the archive or of the disk. */
function refuse(path: string, error: unknown, name?: string): never {
  if (error instanceof UserError) throw error
  const { message } = error as Error
  const outside = /^(?:invalid relative path|absolute path|invalid characters in fileName): (.*)$/s.exec(message)?.[1]
  const fault =
    outside === undefined
      ? (describeErrno(error) ?? `it is not a zip archive, or damaged (${message})`)
      : `its entry ${show(outside)} would be outside of the folder`
  throw new UserError(`Cannot unpack ${name === undefined ? '' : `${show(name)} of `}"${path}": ${fault}`)
}
