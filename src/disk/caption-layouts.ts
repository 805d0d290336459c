// How captions are written into one file: a table, JSON Lines, or COCO's results.
import { basename } from 'node:path'
import { cocoNumberOf } from '../annotations/ids.ts'
import { kindByName } from '../vision/image-kind.ts'

/** The formats of CAPTION_FORMATS by name. */
export type CaptionFormat = (typeof CAPTION_FORMATS)[number]

/**
 * How captions are written: a text file next to each image, a table for spreadsheets, JSON Lines, or COCO's results for
 * scoring.
 */
export const CAPTION_FORMATS = ['txt', 'csv', 'jsonl', 'coco'] as const

/** A caption as it is written. */
export interface WritableCaption {
  /** the path of the image, as the caller passed it */
  readonly image: string
  readonly caption: string
  /** other captions of the image, best first */
  readonly alternatives: readonly string[]
  /** from 0 to 1 */
  readonly confidence: number
  /** the words of the concepts found in the image */
  readonly concepts: readonly string[]
}

/** A file of records that grows: `head`, the records, `tail`. */
export interface Layout {
  readonly name: Exclude<CaptionFormat, 'txt'>
  readonly head: string
  readonly tail: string
  /** what precedes a record: nothing, or what separates it from the one before */
  readonly lead: (first: boolean) => string
  /** what follows a record, with which alone it is complete */
  readonly end: string
  key(image: string): string
  format(caption: WritableCaption): string
  /** The key of a record; undefined if it is not one. */
  parse(record: string): string | undefined
  /** Whether lines so far are a whole record: a quoted field may have line ends. */
  whole(lines: string): boolean
}

/** Cells that a spreadsheet would run as a formula: https://owasp.org/www-community/attacks/CSV_Injection */
const FORMULA = /^[=+\-@\t\r\n]/

function cell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text
  return /[",;\t\r\n]|^\s|\s$|^'/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** The first cell of a row, as it is written. */
const FIRST_CELL = /^("(?:[^"]|"")*"|[^",]*),.*,(0|1|0\.\d+)\r?$/s

const CSV: Layout = {
  name: 'csv',
  head: '\ufeffimage,caption,confidence\r\n', // without the mark, Excel does not read UTF-8
  tail: '',
  lead: () => '',
  end: '\r\n',
  key: cell,
  format: ({ image, caption, confidence }) => [cell(image), cell(caption), Number(confidence.toFixed(4))].join(),
  parse: (record) => FIRST_CELL.exec(record)?.[1],
  whole: (lines) => (lines.split('"').length - 1) % 2 === 0,
}

const JSON_LINES: Layout = {
  name: 'jsonl',
  head: '',
  tail: '',
  lead: () => '',
  end: '\n',
  key: (image) => image,
  format: ({ image, caption, confidence, alternatives, concepts }) => {
    const others = alternatives.length > 0 && { alternatives }
    return JSON.stringify({ image, caption, confidence: Number(confidence.toFixed(4)), ...others, concepts })
  },
  parse: (record) => textOf(fieldsOf(record).image),
  whole: () => true,
}

const COCO: Layout = {
  name: 'coco',
  head: '[',
  tail: '\n]\n',
  lead: (first) => (first ? '\n' : ',\n'),
  end: '',
  key: (image) => String(imageId(image)),
  format: ({ image, caption }) => JSON.stringify({ image_id: imageId(image), caption }),
  parse: (record) => textOf(fieldsOf(record).image_id),
  whole: () => true,
}

/** The layouts by the name of their format. */
export const LAYOUTS = { csv: CSV, jsonl: JSON_LINES, coco: COCO } as const

/**
 * The image id in COCO's results: the number in a file name of COCO, else the name without folders and ending, which is
 * a number if it is written as one.
 */
export function imageId(image: string): number | string {
  const stem = withoutEnding(basename(image))
  const id = cocoNumberOf(image) ?? stem
  return /^(0|[1-9]\d{0,14})$/.test(id) ? Number(id) : id
}

function fieldsOf(record: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(record)) as Record<string, unknown>
  } catch {
    return {}
  }
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : undefined

/** The path of an image without the ending of a picture. */
export const withoutEnding = (image: string): string =>
  kindByName(image) === undefined ? image : image.slice(0, image.lastIndexOf('.'))
