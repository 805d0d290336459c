/** Longest name or value that an error message shows in full, in characters. */
const LONGEST = 60

/** The number with thousands separators, as in "31,783". */
export const thousands = (value: number): string => value.toLocaleString('en')

/** A score with four decimals by default; "-" if it is undefined (NaN), for example a category without cases. */
export const scoreText = (score: number, digits = 4): string => (Number.isNaN(score) ? '-' : score.toFixed(digits))

/** A count with its noun, as in "1 image", "6,000 images", "2 entries". */
export function counted(count: number, noun: string): string {
  const plural = noun.endsWith('y') ? `${noun.slice(0, -1)}ies` : `${noun}s`
  return `${thousands(count)} ${count === 1 ? noun : plural}`
}

/**
 * The first `few` names and the number of others, as in "a.jpg, b.jpg, c.jpg and 12 more"; long names are shortened.
 */
export function firstFew(names: readonly string[], few = 3): string {
  const rest = names.length - few
  const shown = names.slice(0, few).map(shortened)
  return shown.join(', ') + (rest > 0 ? ` and ${thousands(rest)} more` : '')
}

/** The text, cut to 60 characters including "..." if it is longer. */
export const shortened = (text: string): string => (text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 3)}...`)

/**
 * A value of parsed JSON for an error message: its JSON text, shortened to 60 characters; "missing" for undefined.
 * Works at any nesting depth, where `JSON.stringify` and `String` overflow the stack.
 */
export const show = (value: unknown): string =>
  value === undefined ? 'missing' : shortened(startOfJson(value, LONGEST + 1))

/**
 * At least the first `length` characters of the value's JSON text, or all of it if that is shorter. Each level writes
 * its bracket before it descends, so the recursion is at most `length` levels deep.
 */
function startOfJson(value: unknown, length: number): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, length))
  if (typeof value !== 'object' || value === null) return String(value)
  const isList = Array.isArray(value)
  let text = isList ? '[' : '{'
  for (const [key, item] of isList ? value.entries() : Object.entries(value)) {
    if (text.length >= length) return text
    if (text.length > 1) text += ','
    if (!isList) text += `${JSON.stringify(String(key).slice(0, length))}:`
    text += startOfJson(item, Math.max(0, length - text.length))
  }
  return text + (isList ? ']' : '}')
}
