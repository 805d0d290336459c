import { access, constants, type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { UserError } from '../errors.ts'
import { describeErrno, errorCode, throwFileError } from './errno.ts'
import { type FileContent, removeUnfinished, writePart } from './part-files.ts'

/** Largest file that is read whole unless the caller gives another limit: 1 GiB. */
const MAX_BYTES = 2 ** 30
/** Longest line that is read unless the caller gives another limit, in characters. */
const MAX_LINE = 2 ** 28
/** Bytes of one read at most; the system's limit is 2^31 - 1. */
const READ_AT_ONCE = 2 ** 30
/** The folders this process has written to. What earlier processes left half-written there is gone. */
const cleaned = new Set<string>()

/**
 * Writes a file atomically: to a `.part` file next to it, flushed to the disk, then renamed. Readers see the old file
 * or the new one, never a half; a symbolic link at `path` is replaced, not followed. Makes the folder if it is missing,
 * and removes `.part` files that killed processes left in it. Throws UserError if the file cannot be written, and what
 * an iterable throws; the old file is kept then.
 */
export async function writeFileAtomic(path: string, data: FileContent): Promise<void> {
  await makeFolder(dirname(path))
  try {
    const part = await writePart(path, data)
    await rename(part, path).catch(async (error) => {
      await rm(part, { force: true })
      throw error
    })
  } catch (error) {
    refuseToWrite(path, error)
  }
}

/** Makes a folder and those above it. Throws UserError if it cannot be made. */
export async function makeFolder(folder: string): Promise<void> {
  const path = resolve(folder)
  await mkdir(path, { recursive: true }).catch((error) => refuseToWrite(folder, error))
  if (cleaned.has(path)) return
  cleaned.add(path)
  await removeUnfinished(path)
}

/** Throws UserError if a file could not be written at `path`. Makes its folder. */
export async function checkWritable(path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true })
    await access(dirname(path), constants.W_OK)
    if ((await stat(path).catch(() => undefined))?.isDirectory())
      throw new UserError(`Cannot write "${path}": it is a folder`)
  } catch (error) {
    refuseToWrite(path, error)
  }
}

function refuseToWrite(path: string, error: unknown): never {
  if (errorCode(error) === 'ENOENT') throw new UserError(`Cannot write "${path}": its folder was removed`)
  throwFileError('write', path, error)
}

/**
 * Opens a regular file for reading; `what` names it in errors, as in "weights". Throws UserError if it cannot be opened
 * or is not a regular file: a folder, a pipe or a device, which might never end.
 */
export async function openForReading(path: string, what: string): Promise<FileHandle> {
  // Without O_NONBLOCK, opening a pipe waits until somebody writes to it. Windows has no such flag.
  const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)
  const file = await open(path, flags).catch((error) => throwFileError(`read ${what}`, path, error))
  try {
    const found = await file.stat()
    if (found.isFile()) return file
    throw new UserError(
      `Cannot read ${what} "${path}": it is ${found.isDirectory() ? 'a folder' : 'a pipe or a device'}, not a file`,
    )
  } catch (error) {
    await file.close()
    throw error
  }
}

/** Options of the functions that read a whole file. */
export interface ReadOptions {
  /** the most bytes the file may have, by default 1 GiB */
  readonly maxBytes?: number
}

/**
 * Returns the bytes of a file; `what` names it in errors, as in "weights". Throws UserError if it cannot be read, is
 * not a regular file, or is larger than the limit.
 */
export async function readBytes(
  path: string,
  what: string,
  { maxBytes = MAX_BYTES }: ReadOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const file = await openForReading(path, what)
  try {
    const { size } = await file.stat()
    if (size > maxBytes)
      throw new UserError(`Cannot read ${what} "${path}": it has ${size} bytes; the limit is ${maxBytes}`)
    const bytes = Buffer.allocUnsafeSlow(size)
    await readFully(file, bytes, 0, `${what} "${path}"`)
    return bytes
  } catch (error) {
    throwFileError(`read ${what}`, path, error)
  } finally {
    await file.close()
  }
}

/**
 * Fills `into` with a file's bytes from `position` on. Throws UserError if the file cannot be read or ends before;
 * `name` names it there, as in `weights "runs/va/weights.safetensors"`.
 */
export async function readFully(file: FileHandle, into: Uint8Array, position: number, name: string): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const length = Math.min(into.length - done, READ_AT_ONCE)
    const { bytesRead } = await file.read(into, done, length, position + done).catch((error) => {
      throw new UserError(`Cannot read ${name}: ${describeErrno(error) ?? error}`)
    })
    if (bytesRead === 0) throw new UserError(`Cannot read ${name}: it ends at byte ${position + done}, before its data`)
    done += bytesRead
  }
}

/** Returns the text of a UTF-8 file; see readBytes(). */
export async function readText(path: string, what: string, options: ReadOptions = {}): Promise<string> {
  const bytes = await readBytes(path, what, options)
  try {
    return new TextDecoder().decode(bytes)
  } catch (error) {
    throw new UserError(`Cannot read ${what} "${path}": its text is too long (${(error as Error).message})`)
  }
}

/** Returns the text of a UTF-8 file as readText() does, or undefined if there is no such file. */
export async function readTextIfPresent(path: string, what: string): Promise<string | undefined> {
  const found = await stat(path).catch((error) => {
    if (errorCode(error) === 'ENOENT') return undefined
    throwFileError(`read ${what}`, path, error)
  })
  return found && readText(path, what)
}

/**
 * Returns the lines of a file of any size one by one; `what` names it in errors. Throws UserError if the file cannot be
 * read, is not a regular file, or has a line of more than `maxLine` characters. It does not use node:readline, which
 * since Node 22 ends a line at U+2028 too: JSON may contain that character.
 */
export async function* readLines(
  path: string,
  what: string,
  { maxLine = MAX_LINE }: { readonly maxLine?: number } = {},
): AsyncGenerator<string> {
  const file = await openForReading(path, what)
  const unfinished: string[] = [] // joined once the line ends: a line may be megabytes long
  let length = 0
  try {
    for await (const chunk of file.createReadStream({ encoding: 'utf8', highWaterMark: 1 << 20 })) {
      const [first, ...others] = (chunk as string).split('\n') as [string, ...string[]]
      unfinished.push(first)
      length += first.length
      if (length > maxLine)
        throw new UserError(`Cannot read ${what} "${path}": it has a line of more than ${maxLine} characters`)
      if (others.length === 0) continue
      yield unfinished.join('')
      unfinished.length = 0
      unfinished.push(others.pop()!)
      length = unfinished[0]!.length
      yield* others
    }
  } catch (error) {
    throwFileError(`read ${what}`, path, error)
  } finally {
    await file.close().catch(() => {}) // the stream closes it, unless it failed
  }
  const rest = unfinished.join('')
  if (rest !== '') yield rest
}

/** Returns the parsed content of a JSON file. Throws UserError, with the position of the mistake, if it is not JSON. */
export async function readJson(path: string, what: string, options: ReadOptions = {}): Promise<unknown> {
  return parseJson(await readText(path, what, options), path, what)
}

/** Parses the text of the JSON file `path`. Throws UserError, with the position of the mistake, if it is not JSON. */
export function parseJson(text: string, path: string, what: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UserError(`Cannot read ${what} "${path}": it is not JSON (${(error as Error).message})`)
  }
}
