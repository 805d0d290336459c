import { constants, isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { UserError } from '../errors.ts'
import { Row } from './rows.ts'
import type { SourceFile } from './source.ts'

/** A text file read whole, with what identifies it. */
export interface Input {
  readonly text: string
  readonly file: SourceFile
}

/** Reads a text file of a data set. Throws UserError where it is absent, not UTF-8, or longer than a string can be. */
export async function readInput(path: string): Promise<Input> {
  const bytes = await readBytes(path)
  if (!isUtf8(bytes)) throw new UserError(`Cannot read "${path}": it is not UTF-8 text; convert it first`)
  const byteOrderMark = bytes.length >= 3 && bytes.readUIntBE(0, 3) === 0xefbbbf ? 3 : 0
  return {
    text: bytes.toString('utf8', byteOrderMark),
    file: { path: resolve(path), bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') },
  }
}

/** Reads a JSON file whose top is an object. Throws UserError where it is something else. */
export async function readJsonInput(path: string): Promise<{ top: Row; file: SourceFile }> {
  const { text, file } = await readInput(path)
  return { top: new Row(parseJson(text, path), (field) => `Cannot read "${path}": ${field || 'the file'}`), file }
}

async function readBytes(path: string): Promise<Buffer> {
  try {
    const { size } = await stat(path)
    // Node makes no longer string, and with it JSON.parse takes no longer file.
    if (size > constants.MAX_STRING_LENGTH) {
      throw new UserError(
        `Cannot read "${path}": it has ${size} bytes and at most ${constants.MAX_STRING_LENGTH} can be read; split it`,
      )
    }
    return await readFile(path)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === undefined) throw error
    throw new UserError(`Cannot read "${path}": ${code === 'ENOENT' ? 'there is no such file' : code}`)
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UserError(`Cannot read "${path}": it is not JSON (${(error as Error).message})`)
  }
}
