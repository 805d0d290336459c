import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

/** Where a command writes: the terminal's streams, or a test's. */
export interface Stream {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
  /** A terminal's own answer; it honours NO_COLOR, FORCE_COLOR and TERM. */
  hasColors?(): boolean
}

export interface Streams {
  readonly stdout: Stream
  readonly stderr: Stream
}

/** What a command answers: `json` with --json, `text` without, and the command one would run next. */
export interface Answer {
  readonly json: object
  readonly text: string
  readonly next?: string
  /** Part of what was asked for could not be had: exit status 1. */
  readonly failed?: boolean
}

/** `text` in a style, wherever it goes. */
export const styled = (style: Style, text: string): string => styleText(style, text, { validateStream: false })

/** `text` in a style where `stream` shows colours, else as it is. */
export const paint = (stream: Stream, style: Style, text: string): string =>
  stream.hasColors?.() ? styled(style, text) : text

/** Rows as aligned columns, two spaces apart; columns of numbers stand to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  const numeric: boolean[] = []
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length)
      if (row !== rows[0]) numeric[i] = (numeric[i] ?? true) && /^[-\d.,%]*$/.test(cell)
    })
  const pad = (cell: string, i: number): string => (numeric[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))
  return rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n')
}
