import { UserError } from '../errors.ts'
import { shortened } from '../wording.ts'
import { describeMistake } from './json-mistake.ts'
import { visible } from './visible.ts'

/**
 * Parses JSON as Python's `json.dump` writes it too, at the speed of `JSON.parse`: NaN becomes null, Infinity and
 * -Infinity the numbers, and an integer beyond 2^53 the text of its digits. `name` names the file in errors, and `line`
 * is the file's line at which the text begins. Throws UserError, with line and column, for text in another format, and
 * for an object at the top that has a key twice, of which `JSON.parse` would lose one.
 */
export function parseJson(text: string, name: string, line = 1): unknown {
  const { edits, keys } = HAS_EDITS.test(text) ? scan(text) : NOTHING
  let value: unknown
  try {
    value = JSON.parse(edited(text, edits))
  } catch {
    throw new UserError(`Cannot read ${name}: it is not JSON: ${describeMistake(text, line)}`)
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const count = Object.keys(value).length
    const written = keys ?? (count > FEW_KEYS || text.length < SHORT ? scan(text).keys : count)
    if (written !== count)
      throw new UserError(`Cannot read ${name}: the key "${repeatedKey(text)}" occurs twice; remove one`)
  }
  return value
}

/** What may need an edit, perhaps within a string: the scan of 100 MB takes as long as `JSON.parse`. */
const HAS_EDITS = /NaN|Infinity|\d{16}/
/** A long file with few keys at the top is COCO's or Karpathy's, not a map of ids; its keys are not counted. */
const FEW_KEYS = 100
const SHORT = 2 ** 24

/** A range of the text to replace. */
interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** What scan() found. */
interface Scan {
  /** Replacements of what JSON does not allow or cannot hold exactly. */
  readonly edits: readonly Edit[]
  /** Number of keys of the object at the top as written; undefined before a scan. */
  readonly keys: number | undefined
}

const NOTHING: Scan = { edits: [], keys: undefined }

const [QUOTE, COMMA, MINUS, ZERO, NINE, COLON] = [34, 44, 45, 48, 57, 58]
const [OPEN_LIST, BACKSLASH, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [91, 92, 93, 123, 125]
const [CAPITAL_I, CAPITAL_N] = [73, 78]

/** Fewest digits of an integer beyond 2^53 = 9007199254740992. */
const LONG = 16

/** Scans text outside of its strings. `onKey` is called with the range of every key of the object at the top. */
function scan(text: string, onKey?: (start: number, end: number) => void): Scan {
  const edits: Edit[] = []
  let [at, depth, keys, isObject] = [0, 0, 0, false]
  let [stringStart, stringEnd] = [0, 0]
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      stringStart = at
      stringEnd = at = endOfString(text, at)
    } else if (code === COMMA || code <= 32) at++
    else if (code === COLON) {
      if (depth === 1 && isObject) {
        keys++
        onKey?.(stringStart, stringEnd)
      }
      at++
    } else if ((code >= ZERO && code <= NINE) || code === MINUS) {
      const start = at++
      while (at < text.length && isDigit(text.charCodeAt(at))) at++
      if (text.startsWith('Infinity', at) && at === start + 1) {
        edits.push({ start, end: at + 8, text: '-1e999' })
        at += 8
      } else if (isPartOfNumber(text.charCodeAt(at)))
        while (isPartOfNumber(text.charCodeAt(at)) || isDigit(text.charCodeAt(at))) at++
      else if (at - start >= LONG) {
        const digits = text.slice(start, at)
        if (!Number.isSafeInteger(Number(digits))) edits.push({ start, end: at, text: `"${digits}"` })
      }
    } else if (code === OPEN_OBJECT || code === OPEN_LIST) {
      if (depth === 0) isObject = code === OPEN_OBJECT
      depth++
      at++
    } else if (code === CLOSE_OBJECT || code === CLOSE_LIST) {
      depth--
      at++
    } else if (code === CAPITAL_N && text.startsWith('NaN', at)) {
      edits.push({ start: at, end: at + 3, text: 'null' })
      at += 3
    } else if (code === CAPITAL_I && text.startsWith('Infinity', at)) {
      edits.push({ start: at, end: at + 8, text: '1e999' })
      at += 8
    } else at++
  }
  return { edits, keys }
}

const isDigit = (code: number): boolean => code >= ZERO && code <= NINE

/** Whether a character continues a number after its first digits: one of `.eE+-`. */
const isPartOfNumber = (code: number): boolean =>
  code === 46 || code === 101 || code === 69 || code === 43 || code === MINUS

/** The position after the string that begins at `start`; the end of the text if the string does not end. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    at = text.indexOf('"', at)
    if (at < 0) return text.length
    let backslashes = 0
    while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return at + 1
  }
}

function edited(text: string, edits: readonly Edit[]): string {
  if (edits.length === 0) return text
  const parts: string[] = []
  let at = 0
  for (const { start, end, text: replacement } of edits) {
    parts.push(text.slice(at, start), replacement)
    at = end
  }
  parts.push(text.slice(at))
  return parts.join('')
}

/** The first key that the object at the top has twice. */
function repeatedKey(text: string): string {
  const seen = new Set<string>()
  let repeated: string | undefined
  scan(text, (start, end) => {
    const key = JSON.parse(text.slice(start, end)) as string
    if (seen.has(key)) repeated ??= key
    seen.add(key)
  })
  return visible(shortened(repeated ?? ''))
}
