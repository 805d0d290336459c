import { existsSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { open as openFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { UserError } from '../errors.ts'
import { type CaptionFormat, LAYOUTS, type Layout, type WritableCaption, withoutEnding } from './caption-layouts.ts'
import { errorCode, throwFileError } from './errno.ts'
import { makeFolder, readLines, writeFileAtomic } from './files.ts'
import { Lock } from './lock.ts'

/** Writes captions one after the other. A kill at any time loses at most the caption that is being written. */
export interface CaptionWriter {
  /** Names the place of an image's caption: two images with the same key would share it. */
  key(image: string): string
  /** Whether there is a caption with that key already. */
  has(key: string): boolean
  /** Writes a caption after those before. Throws UserError if it cannot be written, as on a full disk. */
  write(caption: WritableCaption): Promise<void>
  /** Flushes the file and closes it. */
  close(): Promise<void>
}

/** What to do with captions that are there, and where the others go. */
export interface CaptionWriterOptions {
  /** the file; unused for `txt` */
  readonly out: string
  /** keep the captions of an earlier call and add to them, instead of refusing to overwrite them */
  readonly skipExisting: boolean
}

/** Opens a writer. Throws UserError if the file exists without `skipExisting`, or was not written in this format. */
export async function openCaptionWriter(format: CaptionFormat, options: CaptionWriterOptions): Promise<CaptionWriter> {
  return format === 'txt' ? textFiles(options) : CaptionFile.open(LAYOUTS[format], options)
}

function textFiles({ skipExisting }: CaptionWriterOptions): CaptionWriter {
  return {
    key: (image) => `${withoutEnding(image)}.txt`,
    has: (path) => {
      if (!existsSync(path)) return false
      if (skipExisting) return true
      throw new UserError(
        `Cannot write the caption "${path}": the file exists; add --skip-existing to keep such files and caption the ` +
          'other images, or delete them',
      )
    },
    async write({ image, caption, alternatives }) {
      await writeFileAtomic(this.key(image), `${[caption, ...alternatives].join('\n')}\n`)
    },
    close: async () => {},
  }
}

/** How long what was written may stay unflushed; that matters if the machine, not the process, stops. */
const SYNC_EVERY_MS = 2000

/**
 * The size of a file that captions are added to, undefined if there is none. Throws UserError if it is not a file, or
 * may not be added to.
 */
async function sizeOfWritable(path: string, skipExisting: boolean): Promise<number | undefined> {
  const there = await stat(path).catch((error) => {
    if (errorCode(error) !== 'ENOENT') throwFileError('write captions', path, error)
    return undefined
  })
  if (there && !there.isFile())
    throw new UserError(`Cannot write captions "${path}": it is ${there.isDirectory() ? 'a folder' : 'not a file'}`)
  if (there && !skipExisting)
    throw new UserError(
      `Cannot write captions "${path}": the file exists; add --skip-existing to keep its captions and add those of ` +
        'other images, or give another file with --out',
    )
  return there?.size
}

/** One file of captions. */
class CaptionFile implements CaptionWriter {
  readonly #layout: Layout
  readonly #path: string
  readonly #file: FileHandle
  readonly #lock: Lock
  readonly #keys: Set<string>
  /** where the next record goes, in bytes */
  #end: number
  #syncedAt = Date.now()

  private constructor(
    layout: Layout,
    { path, file, lock }: { readonly path: string; readonly file: FileHandle; readonly lock: Lock },
    { keys, end }: Found,
  ) {
    this.#layout = layout
    this.#path = path
    this.#file = file
    this.#lock = lock
    this.#keys = keys
    this.#end = end
  }

  static async open(layout: Layout, { out: path, skipExisting }: CaptionWriterOptions): Promise<CaptionFile> {
    await sizeOfWritable(path, skipExisting)
    await makeFolder(dirname(path))
    const lock = await Lock.take(`${path}.lock`, `captions "${path}"`)
    try {
      const size = await sizeOfWritable(path, skipExisting) // again: another process may have written until now
      const found = size === undefined ? { keys: new Set<string>(), end: 0 } : await recordsIn(path, layout, size)
      const file = await openFile(path, size === undefined ? 'wx' : 'r+').catch((error) =>
        throwFileError('write captions', path, error),
      )
      const captions = new CaptionFile(layout, { path, file, lock }, found)
      await captions.#append(found.end === 0 ? layout.head : '')
      await file.truncate(captions.#end + Buffer.byteLength(layout.tail)) // drops a record that is torn
      return captions
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  key(image: string): string {
    return this.#layout.key(image)
  }

  has(key: string): boolean {
    return this.#keys.has(key)
  }

  async write(caption: WritableCaption): Promise<void> {
    const { lead, format, end } = this.#layout
    await this.#append(lead(this.#keys.size === 0) + format(caption) + end)
    this.#keys.add(this.key(caption.image))
    if (Date.now() - this.#syncedAt > SYNC_EVERY_MS) await this.#sync()
  }

  async close(): Promise<void> {
    try {
      await this.#sync()
    } finally {
      await this.#file.close()
      await this.#lock.release()
    }
  }

  /** Writes over the tail, and the tail again: the file is whole after each record. */
  async #append(text: string): Promise<void> {
    const bytes = Buffer.from(text + this.#layout.tail)
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#file
        .write(bytes, done, bytes.length - done, this.#end + done)
        .catch((error) => throwFileError('write captions', this.#path, error))
      done += bytesWritten
    }
    this.#end += bytes.length - Buffer.byteLength(this.#layout.tail)
  }

  async #sync(): Promise<void> {
    this.#syncedAt = Date.now()
    await this.#file.datasync().catch((error) => throwFileError('write captions', this.#path, error))
  }
}

/** The keys of a file's records, and where the last whole one ends, in bytes. */
interface Found {
  readonly keys: Set<string>
  readonly end: number
}

/**
 * Reads what an earlier call wrote. A torn record at the end is left out. Throws UserError, with the line, if there is
 * anything else that this format does not have.
 */
async function recordsIn(path: string, layout: Layout, size: number): Promise<Found> {
  const refuse = (number: number): never => {
    throw new UserError(
      `Cannot add captions to "${path}": line ${number} is not as "mia caption --write ${layout.name}" writes it; ` +
        'give another file with --out',
    )
  }
  const keys = new Set<string>()
  const head = layout.head.trimEnd()
  const inJson = layout.name === 'coco'
  let [at, end, number, pending, wrong] = [0, 0, 0, '', 0]
  for await (const line of readLines(path, 'captions')) {
    number += 1
    if (wrong > 0) refuse(wrong)
    at += Buffer.byteLength(line) + 1
    const torn = at > size // no line feed follows
    if (number === 1 && head !== '') {
      if (line.trimEnd() === head && (inJson || !torn)) end = inJson ? head.length : at
      else if (!torn || !layout.head.startsWith(line)) refuse(1)
      continue
    }
    pending = pending === '' ? line : `${pending}\n${line}`
    if (!layout.whole(pending) || (torn && !inJson)) continue
    // A kill may leave a comma where the next record was to come, before or in place of the tail.
    const record = inJson ? pending.replace(/[,\]]+$/, '') : pending
    const key = layout.parse(record)
    if (key !== undefined) {
      keys.add(key)
      end = inJson ? at - 1 - Buffer.byteLength(pending) + Buffer.byteLength(record) : at
    } else if (record.trim() !== '') wrong = number // an error unless it is the last line, and torn
    pending = ''
  }
  if (wrong > 0 && at <= size) refuse(wrong)
  return { keys, end }
}

/** The file that captions go to by default: in the folder if one is captioned, else in the working folder. */
export function defaultCaptionsFile(format: CaptionFormat, folder = '.'): string {
  return join(folder, `captions.${format === 'coco' ? 'json' : format}`)
}
