import { parseJson } from './json.ts'

/** A value of JSON Lines. */
export interface JsonLine {
  readonly value: unknown
  /** Line number, from 1. */
  readonly line: number
}

/**
 * Whether text looks like JSON Lines: its first line is a whole object, and the next begins with one. JSON of several
 * lines does neither.
 */
export function looksLikeJsonLines(text: string): boolean {
  const start = text.search(/\S/)
  if (text[start] !== '{') return false
  const end = text.slice(start).search(/[\r\n]/)
  if (end < 0) return false
  const line = text.slice(start, start + end)
  return line.trimEnd().endsWith('}') && /^\s*\{/.test(text.slice(start + end))
}

/**
 * Parses JSON Lines, one value a line, each as parseJson() does; blank lines are skipped. `name` names the file in
 * errors. Throws UserError, with line and column, for a line that is not JSON.
 */
export function parseJsonLines(text: string, name: string): JsonLine[] {
  const values: JsonLine[] = []
  for (const [index, content] of splitLines(text).entries())
    if (content.trim() !== '') values.push({ value: parseJson(content, name, index + 1), line: index + 1 })
  return values
}

/**
 * The lines of text, which end with LF, CR LF or CR. U+2028, which JSON strings may contain, does not end a line.
 */
export const splitLines = (text: string): string[] => text.split(/\r\n|\n|\r/)
