import { UserError } from '../errors.ts'
import { visible } from './visible.ts'

/** The characters that separate columns: comma, tab, bar, and the semicolon that spreadsheets write in some locales. */
export const DELIMITERS = [',', '\t', '|', ';'] as const

/** A character that separates columns. */
export type Delimiter = (typeof DELIMITERS)[number]

/** A row of a table. */
export interface TableRow {
  /** Without quotes; spaces around a field are kept. */
  readonly fields: readonly string[]
  /** Number of the line where the row begins, from 1. */
  readonly line: number
}

/** A table of text. */
export interface Table {
  /** The fields of the first row, trimmed. */
  readonly header: readonly string[]
  /** The other rows; blank lines are left out. */
  readonly rows: readonly TableRow[]
  readonly delimiter: Delimiter
}

/** The delimiter of a table: the most frequent one in its first line, outside of quotes; undefined without any. */
export function delimiterOf(text: string): Delimiter | undefined {
  const [first] = /^[^\r\n]*/.exec(text.trimStart())!
  const outside = first.replace(/"[^"]*"/g, '')
  const counts = DELIMITERS.map((delimiter) => outside.split(delimiter).length - 1)
  const most = Math.max(...counts)
  return most === 0 ? undefined : DELIMITERS[counts.indexOf(most)]
}

/**
 * Parses a table with a header: CSV (RFC 4180), or with tabs, bars or semicolons; by default with the delimiterOf() the
 * text. A field that begins with a quote ends at the next single one; doubled quotes, delimiters and line ends may be
 * within. If nothing but text follows that quote, it was an ordinary character. The line `sep=;` of spreadsheets is
 * skipped. `name` names the file in errors. Throws UserError if a quote of a CSV file is not closed.
 */
export function parseTable(text: string, name: string, delimiter?: Delimiter): Table {
  const declared = /^\s*"?sep=([,;|\t])"?[ \t]*(?:\r\n?|\n)/i.exec(text)
  const chosen = delimiter ?? (declared?.[1] as Delimiter | undefined) ?? delimiterOf(text) ?? ','
  const [header, ...rows] = parseRows(text, name, chosen, declared?.[0].length ?? 0)
  return { header: header?.fields.map((field) => field.trim()) ?? [], rows, delimiter: chosen }
}

function parseRows(text: string, name: string, delimiter: Delimiter, start: number): TableRow[] {
  const rows: TableRow[] = []
  let fields: string[] = []
  let line = start > 0 ? 2 : 1
  let [rowLine, at] = [line, start]
  const end =
    delimiter === '|' ? /[|\r\n]/g : delimiter === '\t' ? /[\t\r\n]/g : delimiter === ';' ? /[;\r\n]/g : /[,\r\n]/g
  while (at <= text.length) {
    const quoted = text[at] === '"' ? readQuoted(text, at, delimiter) : undefined
    if (quoted === UNCLOSED && (delimiter === ',' || delimiter === ';'))
      throw new UserError(
        `Cannot read ${name}: the quote in line ${line} is not closed; double the quotes within fields of CSV`,
      )
    if (typeof quoted === 'object') {
      fields.push(quoted.field)
      line += lineEnds(quoted.field)
      at = quoted.end
    } else {
      end.lastIndex = at
      const stop = end.exec(text)?.index ?? text.length
      fields.push(text.slice(at, stop))
      at = stop
    }
    if (text[at] === delimiter) {
      at++
      continue
    }
    if (fields.length > 1 || fields[0]!.trim() !== '') rows.push({ fields, line: rowLine })
    fields = []
    at += text.startsWith('\r\n', at) ? 2 : 1
    rowLine = ++line
  }
  return rows
}

/** No quote closes a field. */
const UNCLOSED = 'unclosed'

/** The quoted field at `at` and the position after it; undefined if more text follows its closing quote. */
function readQuoted(
  text: string,
  at: number,
  delimiter: Delimiter,
): { readonly field: string; readonly end: number } | typeof UNCLOSED | undefined {
  let close = at + 1
  for (;;) {
    close = text.indexOf('"', close)
    if (close < 0) return UNCLOSED
    if (text[close + 1] !== '"') break
    close += 2
  }
  let end = close + 1
  while (text[end] === ' ') end++
  if (end < text.length && text[end] !== delimiter && text[end] !== '\n' && text[end] !== '\r') return undefined
  return { field: text.slice(at + 1, close).replaceAll('""', '"'), end }
}

const lineEnds = (field: string): number => field.match(/\r\n|\n|\r/g)?.length ?? 0

/** A column name for comparison: `Image_ID`, `image id` and `image-id` are the same. */
const plain = (name: string): string => name.toLowerCase().replace(/[\s_-]/g, '')

/** The index of the first of `names` in a header, in any case and with or without `_`; undefined if none is there. */
export function columnOf(header: readonly string[], names: readonly string[]): number | undefined {
  const columns = header.map(plain)
  for (const name of names) {
    const index = columns.indexOf(plain(name))
    if (index >= 0) return index
  }
  return undefined
}

/** A header for a message: `"image", "caption"`, shortened. */
export const describeHeader = (header: readonly string[]): string => {
  const names = header.slice(0, 6).map((name) => `"${visible(name.slice(0, 24))}"`)
  return names.join(', ') + (header.length > 6 ? ', ...' : '')
}
