import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { access, constants, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { UserError } from '../errors.ts'

/** Writes a file whole: beside it first, flushed, then renamed, so that no reader ever sees half of it. Throws UserError where it cannot. */
export async function writeFileAtomic(path: string, data: string | Uint8Array | readonly Uint8Array[]): Promise<void> {
  await write(path, data).catch((error) => refuseToWrite(path, error))
}

/** Throws UserError if a file could not be written there; its folder is made. */
export async function checkWritable(path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true })
    await access(dirname(path), constants.W_OK)
  } catch (error) {
    refuseToWrite(path, error)
  }
}

const WRITE_FAULTS: Readonly<Record<string, string>> = {
  EACCES: 'you may not write there',
  EPERM: 'you may not write there',
  EROFS: 'its disk is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'your share of the disk is full',
  ENOTDIR: 'a part of its path is a file, not a folder',
  EEXIST: 'a part of its path is a file, not a folder',
  EISDIR: 'it is a folder',
}

function refuseToWrite(path: string, error: unknown): never {
  const { code } = error as NodeJS.ErrnoException
  if (code === undefined) throw error
  throw new UserError(`Cannot write "${path}": ${WRITE_FAULTS[code] ?? code}`)
}

async function write(path: string, data: string | Uint8Array | readonly Uint8Array[]): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const beside = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.part`
  const file = await open(beside, 'w')
  try {
    if (Array.isArray(data)) for (const part of data as readonly Uint8Array[]) await file.writeFile(part)
    else await file.writeFile(data as string | Uint8Array)
    await file.sync()
    await file.close()
    await rename(beside, path)
  } catch (error) {
    await file.close().catch(() => {})
    await rm(beside, { force: true })
    throw error
  }
}

/** The text of a file; `what` names it in the error, as in "dataset". Throws UserError if it cannot be read. */
export async function readText(path: string, what: string): Promise<string> {
  return new TextDecoder().decode(await readBytes(path, what))
}

/** The bytes of a file; `what` names it in the error. Throws UserError if it cannot be read. */
export async function readBytes(path: string, what: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    throw new UserError(
      `Cannot read ${what} "${path}": ${code === 'ENOENT' ? 'there is no such file' : (code ?? error)}`,
    )
  }
}

/**
 * The lines of a file of any size, one at a time; `what` names it in the error. Throws UserError if it cannot be read. Not node:readline: newer
 * versions of it end a line at U+2028 too, which JSON leaves in its text.
 */
export async function* readLines(path: string, what: string): AsyncGenerator<string> {
  const unfinished: string[] = [] // joined when the line ends: a line may be megabytes long
  try {
    for await (const chunk of createReadStream(path, { encoding: 'utf8', highWaterMark: 1 << 20 })) {
      const [first, ...others] = (chunk as string).split('\n') as [string, ...string[]]
      unfinished.push(first)
      if (others.length === 0) continue
      yield unfinished.join('')
      unfinished.length = 0
      unfinished.push(others.pop()!)
      yield* others
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    throw new UserError(`Cannot read ${what} "${path}": ${code === 'ENOENT' ? 'there is no such file' : code}`)
  }
  const rest = unfinished.join('')
  if (rest !== '') yield rest
}

/** A JSON file, parsed. Throws UserError with the position of the mistake if it is not JSON. */
export async function readJson(path: string, what: string): Promise<unknown> {
  const text = await readText(path, what)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UserError(`Cannot read ${what} "${path}": it is not JSON (${(error as Error).message})`)
  }
}
