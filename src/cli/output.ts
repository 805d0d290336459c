import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

/** Where a command writes: a stream of the process, or one of a test. */
export interface Stream {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
  /** Whether the terminal shows colors; Node considers NO_COLOR, FORCE_COLOR and TERM. */
  hasColors?(): boolean
}

/** The two output streams of a command: results on stdout, everything else on stderr. */
export interface Streams {
  readonly stdout: Stream
  readonly stderr: Stream
}

/** The result of a command. */
export interface Answer {
  /** printed with --json */
  readonly json: object
  /** printed without --json: a line, or several; control characters in a line are escaped */
  readonly text: string | readonly string[]
  /** the command to run next, for people */
  readonly next?: string
  /** part of the work failed: exit status 1 */
  readonly failed?: boolean
}

/** Control characters, line separators, and the marks that reverse the direction of text. */
const CONTROL = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu

/**
 * One line of text that is safe on a terminal: control characters, newlines included, become `\x1b`, and others that
 * could hide or reorder text become `\u{202e}`. Names of files and words of captions may contain any character.
 */
export const printable = (text: string): string => text.replace(CONTROL, escaped)

/** Text of several lines that is safe on a terminal; see printable(). */
export const printableLines = (text: string): string => text.split('\n').map(printable).join('\n')

/** A value as indented JSON that is safe on a terminal. JSON.stringify() leaves U+0080 to U+009F as they are. */
export const printableJson = (value: unknown): string =>
  JSON.stringify(value, null, 2).replace(CONTROL, (char) => (char === '\n' ? char : `\\u${hex(char, 4)}`))

const escaped = (char: string): string => (char <= '\xff' ? `\\x${hex(char, 2)}` : `\\u{${hex(char, 1)}}`)

const hex = (char: string, digits: number): string => char.charCodeAt(0).toString(16).padStart(digits, '0')

/** An argument as a POSIX shell reads it: quoted if it has spaces or other special characters. */
export const shellQuoted = (argument: string): string =>
  /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`

/** `text` in a style, on any stream. */
export const styled = (style: Style, text: string): string => styleText(style, text, { validateStream: false })

/** `text` in a style if `stream` shows colors, else unchanged. */
export const paint = (stream: Stream, style: Style, text: string): string =>
  stream.hasColors?.() ? styled(style, text) : text

/** The lines of a table: columns are two spaces apart and aligned to the left, columns of numbers to the right. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const cells = rows.map((row) => row.map(printable))
  const widths: number[] = []
  const numeric: boolean[] = []
  for (const [i, row] of cells.entries())
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, cell.length)
      if (i > 0) numeric[column] = (numeric[column] ?? true) && /^[-\d.,%]*$/.test(cell)
    }
  const pad = (cell: string, i: number): string => (numeric[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))
  return cells.map((row) => row.map(pad).join('  ').trimEnd())
}
