import { UserError } from '../errors.ts'
import { shortened } from '../wording.ts'
import { type Delimiter, delimiterOf, describeHeader, parseTable, type Table } from './csv.ts'
import { recordNames } from './fields.ts'
import { parseJson } from './json.ts'
import { looksLikeJsonLines, parseJsonLines, splitLines } from './lines.ts'
import { type Encoding, readFileText } from './text.ts'
import type { Packing } from './unpack.ts'
import { visible } from './visible.ts'

/** The formats of files with captions. */
export type FileFormat = 'JSON' | 'JSON Lines' | 'CSV' | 'TSV' | 'bar-separated table' | "Flickr's token file"

/** The parsed content of a file of references or results, whose form is not known yet. */
export class AnnotationFile {
  /** Names the file in messages, as in `results "a.json"`. */
  readonly name: string
  readonly format: FileFormat
  /** Parsed JSON; of JSON Lines the list of values, of a table the list of rows as objects. */
  readonly value: unknown
  /** How the file is packed and encoded, if not plain UTF-8, as in "gzip". */
  readonly wrapping: readonly string[]
  /** Of a file of lines: the line number of each item of `value`. */
  readonly #lines: readonly number[] | undefined

  /** `lines` are the line numbers of the items of `value`. */
  constructor(
    name: string,
    value: unknown,
    format: FileFormat = 'JSON',
    wrapping: readonly string[] = [],
    lines?: readonly number[],
  ) {
    this.name = name
    this.value = value
    this.format = format
    this.wrapping = wrapping
    this.#lines = lines
  }

  /** The places of entries for a message: `index 0, 4`, or `line 2, 6` in a file of lines. */
  places(indices: readonly number[]): string[] {
    const [noun, places] = this.#lines ? ['line', indices.map((i) => this.#lines![i]!)] : ['index', indices]
    return places.map((place, i) => (i === 0 ? `${noun} ${place}` : String(place)))
  }
}

/**
 * Reads a file with captions: JSON, JSON Lines, or a table with a header; packed and encoded as readFileText() allows.
 * `what` says what it is for, as in "results". Throws UserError for another format.
 */
export async function readAnnotationFile(bytes: Uint8Array, path: string, what: string): Promise<AnnotationFile> {
  const name = `${what} "${visible(path)}"`
  const { text, encoding, packings } = await readFileText(bytes, name)
  return parseAnnotations(text, name, wrappingOf(packings, encoding))
}

/** The value if it is an AnnotationFile, else the parsed JSON `value` as one named `what`. */
export const asAnnotationFile = (value: unknown, what: string): AnnotationFile =>
  value instanceof AnnotationFile ? value : new AnnotationFile(what, value)

const wrappingOf = (packings: readonly Packing[], encoding: Encoding): string[] =>
  encoding === 'UTF-8' ? [...packings] : [...packings, encoding]

const FORMATS: Readonly<Record<Delimiter, FileFormat>> = {
  ',': 'CSV',
  ';': 'CSV',
  '\t': 'TSV',
  '|': 'bar-separated table',
}

/** The parsed content of text; `name` names its file in errors. Throws UserError for another format. */
export function parseAnnotations(content: string, name: string, wrapping: readonly string[] = []): AnnotationFile {
  const text = content.replace(/^\uFEFF/, '')
  if (text.trim() === '') throw new UserError(`Cannot read ${name}: the file is empty`)
  if (/^\s*[[{]/.test(text)) {
    if (!looksLikeJsonLines(text)) return new AnnotationFile(name, parseJson(text, name), 'JSON', wrapping)
    const lines = parseJsonLines(text, name)
    return new AnnotationFile(
      name,
      lines.map(({ value }) => value),
      'JSON Lines',
      wrapping,
      lines.map(({ line }) => line),
    )
  }
  if (TOKEN_LINE.test(text)) return parseTokenFile(text, name, wrapping)
  const delimiter = delimiterOf(text)
  const table = parseTable(text, name, delimiter)
  const { id, caption } = recordNames(table.header)
  if (id === undefined || caption === undefined) refuseText(text, name, delimiter && table.header)
  return new AnnotationFile(
    name,
    rowsOf(table, name),
    FORMATS[table.delimiter],
    wrapping,
    table.rows.map(({ line }) => line),
  )
}

/** A line of Flickr8k.token.txt or results_20130124.token: `photo.jpg#0<TAB>caption`. */
const TOKEN_LINE = /^[^\t\r\n]+#\d+\t/

function parseTokenFile(text: string, name: string, wrapping: readonly string[]): AnnotationFile {
  const rows: object[] = []
  const lines: number[] = []
  for (const [index, line] of splitLines(text).entries()) {
    if (line.trim() === '') continue
    const [, image, caption] = /^(.+)#\d+\t(.*)$/.exec(line) ?? []
    if (image === undefined)
      throw new UserError(
        `Cannot read ${name}: line ${index + 1} is "${visible(shortened(line))}"; ` +
          'expected an image, "#", a number, a tab and a caption',
      )
    rows.push({ image, caption })
    lines.push(index + 1)
  }
  return new AnnotationFile(name, rows, "Flickr's token file", wrapping, lines)
}

/** The rows as objects by column. Throws UserError for a row with more fields than the header. */
function rowsOf({ header, rows, delimiter }: Table, name: string): object[] {
  return rows.map(({ fields, line }) => {
    if (fields.length > header.length && fields.slice(header.length).some((field) => field.trim() !== ''))
      throw new UserError(
        `Cannot read ${name}: line ${line} of the ${FORMATS[delimiter]} has ${fields.length} columns, the header ` +
          `${header.length}; put double quotes around captions with a ${delimiter === '\t' ? 'tab' : `"${delimiter}"`}`,
      )
    const row: Record<string, unknown> = Object.create(null)
    for (const [i, column] of header.entries()) if (fields[i] !== undefined) row[column] = listOr(fields[i].trim())
    return row
  })
}

/** The captions of a field that holds a JSON list of them, as Hugging Face's Flickr30k has; else the field. */
function listOr(field: string): unknown {
  if (!field.startsWith('["') || !field.endsWith('"]')) return field
  try {
    return JSON.parse(field)
  } catch {
    return field
  }
}

function refuseText(text: string, name: string, header: readonly string[] | undefined): never {
  const found = header
    ? `its first line has the columns ${describeHeader(header)}, none of them ${
        recordNames(header).id === undefined ? 'an image id' : 'a caption'
      }`
    : `it begins with "${visible(shortened(text.trimStart().slice(0, 60)))}"`
  throw new UserError(
    `Cannot read ${name}: it is neither JSON, JSON Lines nor a table with a known header: ${found}; ` +
      'expected [{"image_id": 1, "caption": "a dog"}] or CSV with the header image_id,caption',
  )
}
