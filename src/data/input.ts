import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { parseJson } from '../annotations/json.ts'
import { readFileText } from '../annotations/text.ts'
import { MAX_TEXT_BYTES } from '../annotations/unpack.ts'
import { readBytes } from '../disk/files.ts'
import { Row } from './rows.ts'
import type { SourceFile } from './source.ts'

/** The content of a text file, with its size and hash. */
export interface Input {
  /** Without byte order mark. */
  readonly text: string
  readonly file: SourceFile
}

/**
 * Reads a text file of a dataset: UTF-8 or UTF-16, also in gzip or as the only file of a zip archive. Throws UserError
 * if it cannot be read, is not a regular file, has another encoding, or is longer than the longest string.
 */
export async function readInput(path: string): Promise<Input> {
  const bytes = await readBytes(path, 'dataset file', { maxBytes: MAX_TEXT_BYTES })
  const { text } = await readFileText(bytes, `"${path}"`)
  return {
    text,
    file: { path: resolve(path), bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') },
  }
}

/**
 * Reads a JSON file of a dataset, whose top level is an object. Throws UserError for other content; see readInput().
 */
export async function readJsonInput(path: string): Promise<{ top: Row; file: SourceFile }> {
  const { text, file } = await readInput(path)
  const value = parseJson(text, `"${path}"`)
  return { top: new Row(value, (field) => `Cannot read "${path}": ${field || 'the file'}`), file }
}
