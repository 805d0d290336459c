import { columnOf, parseTable, type Table, type TableRow } from '../annotations/csv.ts'
import { isObject, recordNames } from '../annotations/fields.ts'
import { AnnotationFile, parseAnnotations } from '../annotations/file.ts'
import { readEntries } from '../annotations/forms.ts'
import { parseJsonLines, splitLines } from '../annotations/lines.ts'
import { visible } from '../annotations/visible.ts'
import { UserError } from '../errors.ts'
import { counted, firstFew, shortened, show } from '../wording.ts'
import type { Input } from './input.ts'
import { isPictureName } from './picture-names.ts'

/** A picture as a captions file names it, with captions of it; the same picture may follow again. */
export interface CaptionRow {
  /** The name as the file has it, without quotes around it. */
  readonly name: string
  /** A caption that is null or missing is "". */
  readonly captions: readonly string[]
  /** The split as the file has it, as in "validation". */
  readonly split?: string | undefined
  /** Where the row is, for messages: `line 3`. */
  readonly place: string
}

/** The rows of a captions file. */
export interface CaptionRows {
  readonly rows: readonly CaptionRow[]
  /** What was mended or left out, in sentences. */
  readonly problems: readonly string[]
}

/** The forms of captions files, for messages. */
export const CAPTION_FORMS =
  'lines "picture.jpg<TAB>caption", CSV with the header file_name,text, or JSON Lines ' +
  '{"file_name": "picture.jpg", "text": "caption"}'

/** The part of the rows of a table that may be broken; with more, the table is another one. */
const FEW = 0.05

/**
 * Reads the captions of pictures in any form: JSON, JSON Lines, CSV or other tables with a header, Flickr's token file,
 * and lines `picture.jpg<TAB>caption` without a header. Broken rows of a table are mended or left out and named. Throws
 * UserError, with the line, for text in another form.
 */
export function parseCaptions({ text }: Input, path: string): CaptionRows {
  const name = `"${visible(path)}"`
  if (text.trim() === '') return { rows: [], problems: [] }
  if (/^\s*[[{]/.test(text) || TOKEN_LINE.test(text)) {
    // A single line of JSON Lines looks like JSON.
    const isLines = /^\s*\{/.test(text) && /\.jsonl(\.gz|\.zip)?$/i.test(path)
    return fromEntries(isLines ? jsonLines(text, name) : parseAnnotations(text, name), name)
  }
  const [first = ''] = splitLines(text.trimStart())
  const delimiter = DELIMITERS.find((each) => isHeader(first, each))
  if (delimiter === undefined) return fromLines(text, name)
  return fromTable(parseTable(text, name, delimiter), name)
}

/** A line of Flickr8k.token.txt or results_20130124.token. */
const TOKEN_LINE = /^[^\t\r\n]+#\d+\t/
const DELIMITERS = ['\t', ',', '|', ';'] as const

/** Whether a line has the names of a column of pictures and of one of captions. */
function isHeader(line: string, delimiter: (typeof DELIMITERS)[number]): boolean {
  const { header } = parseTable(line.replaceAll('"', ''), 'header', delimiter)
  const { id, file, caption } = recordNames(header)
  return (file ?? id) !== undefined && caption !== undefined && header.length > 1
}

function jsonLines(text: string, name: string): AnnotationFile {
  const lines = parseJsonLines(text, name)
  for (const { value, line } of lines) {
    const keys = isObject(value) ? Object.keys(value) : []
    const { id, caption } = recordNames(keys)
    if (keys.length === 1 && (id ?? caption) !== undefined)
      // else read as {picture: caption}
      throw new UserError(`Cannot read ${name}: line ${line} has only the field ${keys[0]}; expected ${CAPTION_FORMS}`)
  }
  const values = lines.map(({ value }) => value)
  return new AnnotationFile(
    name,
    values,
    'JSON Lines',
    [],
    lines.map(({ line }) => line),
  )
}

/** Rows of JSON, JSON Lines or a token file. */
function fromEntries(file: AnnotationFile, name: string): CaptionRows {
  const { entries } = readEntries(file, `expected ${CAPTION_FORMS}`)
  const fileOf = new Map(
    entries.map((entry) => [entry.id, entry.file] as const).filter(([, each]) => each !== undefined),
  )
  let rejected = 0
  const rows = entries.flatMap(({ id, file: picture, captions, split, isRejected, index }): CaptionRow[] => {
    const place = index === undefined ? `the entry ${show(id)}` : file.places([index])[0]!
    const named = picture ?? fileOf.get(id) ?? id
    if (typeof named !== 'string' && typeof named !== 'number')
      throw new UserError(`Cannot read ${name}: ${place} has no picture; expected ${CAPTION_FORMS}`)
    if (isRejected) {
      rejected += captions.length
      return []
    }
    return [
      {
        name: String(named),
        captions: captions.map((caption) => textOf(caption, place, name)),
        split: typeof split === 'string' ? split : undefined,
        place,
      },
    ]
  })
  const problems = rejected === 0 ? [] : [`${counted(rejected, 'caption')} skipped, rejected or pre-canned`]
  return { rows, problems }
}

function textOf(caption: unknown, place: string, name: string): string {
  if (caption === null || caption === undefined) return ''
  if (typeof caption === 'string') return caption
  throw new UserError(`Cannot read ${name}: ${place} has the caption ${show(caption)}, which is not text`)
}

/** Rows of a table with a header. */
function fromTable({ header, rows, delimiter }: Table, name: string): CaptionRows {
  const names = recordNames(header)
  const [picture, caption] = [header.indexOf((names.file ?? names.id)!), header.indexOf(names.caption!)]
  const number = columnOf(header, ['comment_number', 'caption_number', 'sentence_id', 'number'])
  const split = columnOf(header, ['split'])
  const captionRows: CaptionRow[] = []
  const [mended, broken]: [string[], string[]] = [[], []]
  for (const row of rows) {
    const place = `line ${row.line}`
    const fields = row.fields.length < header.length ? withSplitNumber(row, header.length, number) : row.fields
    if (fields !== row.fields) mended.push(place)
    const isLast = caption === header.length - 1
    const more = fields.slice(header.length)
    const tooMany = !isLast && more.some((field) => field.trim() !== '')
    if (tooMany || !fields[picture]?.trim() || fields[caption] === undefined) {
      broken.push(place)
      continue
    }
    // Commas of a caption without quotes around it: the caption is the last column, so nothing is lost.
    const text = isLast ? [fields[caption], ...more].join(delimiter) : fields[caption]
    captionRows.push({
      name: unquoted(fields[picture]!),
      captions: captionsIn(text),
      split: split === undefined ? undefined : fields[split]?.trim(),
      place,
    })
  }
  if (broken.length > Math.max(1, FEW * rows.length))
    throw new UserError(
      `Cannot read ${name}: ${counted(broken.length, 'row')} of ${rows.length} do not fit the header ` +
        `${header.map((each) => JSON.stringify(visible(each))).join(', ')} (${firstFew(broken)}); ` +
        'put double quotes around captions that contain the separator',
    )
  const problems = [
    ...(mended.length > 0 ? [`${counted(mended.length, 'row')} without a separator mended: ${firstFew(mended)}`] : []),
    ...(broken.length > 0
      ? [`${counted(broken.length, 'row')} skipped, without picture or caption: ${firstFew(broken)}`]
      : []),
  ]
  return { rows: captionRows, problems }
}

/**
 * The fields of a row that lacks the separator after the number of its caption, as a line of Flickr30k on Kaggle does:
 * `2199200615.jpg| 4   A dog runs across the grass .`
 */
function withSplitNumber({ fields }: TableRow, width: number, number: number | undefined): readonly string[] {
  const [, digits, rest] = (number !== undefined && /^\s*(\d+)\s+(\S.*)$/s.exec(fields[number] ?? '')) || []
  if (number === undefined || digits === undefined || rest === undefined || fields.length !== width - 1) return fields
  return [...fields.slice(0, number), digits, rest, ...fields.slice(number + 1)]
}

/** The captions of a field: a JSON list of them, or the field. */
function captionsIn(field: string): readonly string[] {
  const text = field.trim()
  if (!text.startsWith('["') && !text.startsWith("['")) return [text]
  try {
    const list = JSON.parse(text.startsWith('["') ? text : doubleQuoted(text)) as unknown
    return Array.isArray(list) && list.every((each) => typeof each === 'string') ? list : [text]
  } catch {
    return [text]
  }
}

/** A list as Python prints it, `['a dog', "the dog's ball"]`, as JSON. */
const doubleQuoted = (list: string): string =>
  list.replace(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/g, (_, single?: string, double?: string) =>
    JSON.stringify((single ?? double ?? '').replace(/\\(['"\\])/g, '$1')),
  )

/** Rows of lines without a header: a picture and a caption, in either order, with a tab or comma between. */
function fromLines(text: string, name: string): CaptionRows {
  const lines = splitLines(text).flatMap((line, index) => (line.trim() === '' ? [] : [{ line, number: index + 1 }]))
  const first = lines[0]?.line ?? ''
  const delimiter = first.includes('\t')
    ? '\t'
    : (DELIMITERS.find((each) => beginsOrEndsWithPicture(first, each)) ?? '\t')
  const captionFirst = lines.every(({ line }) => endsWithPicture(line, delimiter))
  const rows = lines.map(({ line, number }): CaptionRow => {
    const at = captionFirst ? line.lastIndexOf(delimiter) : line.indexOf(delimiter)
    const [before, after] = [line.slice(0, Math.max(at, 0)), line.slice(at + 1)]
    const [picture, caption] = captionFirst ? [after, before] : [before, after]
    if (unquoted(picture) === '')
      throw new UserError(
        `Cannot read ${name}: line ${number} is ${JSON.stringify(shortened(line))} and should be a picture, a tab and ` +
          `a caption; expected ${CAPTION_FORMS}`,
      )
    return { name: unquoted(picture), captions: [unquotedCaption(caption)], place: `line ${number}` }
  })
  return { rows, problems: [] }
}

/** Whether a line without a tab begins or ends with the name of a picture. */
const beginsOrEndsWithPicture = (line: string, delimiter: string): boolean => {
  const fields = line.split(delimiter).map(unquoted)
  return fields.length > 1 && (isPictureName(fields[0]!) || isPictureName(fields.at(-1)!))
}

/** Whether a line ends with the name of a picture behind the delimiter, and does not begin with one. */
function endsWithPicture(line: string, delimiter: string): boolean {
  const fields = line.split(delimiter).map(unquoted)
  return fields.length > 1 && isPictureName(fields.at(-1)!) && !isPictureName(fields[0]!)
}

/** A name without white space and without quotes around it, which spreadsheets and shells write. */
const unquoted = (name: string): string => {
  const text = name.trim()
  return /^(["'`]).*\1$/s.test(text) && text.length > 1 ? text.slice(1, -1).trim() : text
}

/** A caption without the double quotes that a spreadsheet puts around it, where it doubles those within. */
const unquotedCaption = (caption: string): string => {
  const text = caption.trim()
  const inner = text.slice(1, -1)
  return text.length > 1 && text.startsWith('"') && text.endsWith('"') && !/"/.test(inner.replaceAll('""', ''))
    ? inner.replaceAll('""', '"')
    : caption
}
