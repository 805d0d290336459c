import { constants, isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { readBytes } from '../disk/files.ts'
import { UserError } from '../errors.ts'
import { Row } from './rows.ts'
import type { SourceFile } from './source.ts'

/** The content of a text file, with its size and hash. */
export interface Input {
  readonly text: string
  readonly file: SourceFile
}

/**
 * Reads a UTF-8 text file of a data set, without a byte order mark. Throws UserError if it cannot be read, is not a
 * regular file, is not UTF-8, or is longer than the longest string.
 */
export async function readInput(path: string): Promise<Input> {
  // Node has no longer strings, and JSON.parse needs the whole file in one string.
  const read = await readBytes(path, 'data set file', { maxBytes: constants.MAX_STRING_LENGTH })
  const bytes = Buffer.from(read.buffer, read.byteOffset, read.byteLength)
  if (!isUtf8(bytes)) throw new UserError(`Cannot read "${path}": it is not UTF-8 text; convert it first`)
  const byteOrderMark = bytes.length >= 3 && bytes.readUIntBE(0, 3) === 0xefbbbf ? 3 : 0
  return {
    text: bytes.toString('utf8', byteOrderMark),
    file: { path: resolve(path), bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') },
  }
}

/**
 * Reads a JSON file of a data set, whose top level is an object. Throws UserError for other content; see readInput().
 */
export async function readJsonInput(path: string): Promise<{ top: Row; file: SourceFile }> {
  const { text, file } = await readInput(path)
  return { top: new Row(parseJson(text, path), (field) => `Cannot read "${path}": ${field || 'the file'}`), file }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UserError(`Cannot read "${path}": it is not JSON (${(error as Error).message})`)
  }
}
