import * as v from 'valibot'
import { UserError } from './errors.ts'
import { shortened, thousands } from './wording.ts'

/** Schema of a count: a safe integer of at least 0. */
export const COUNT = v.pipe(v.number(), v.safeInteger(), v.minValue(0))

/** Schema of a count that cannot be 0: a safe integer of at least 1. */
export const POSITIVE_COUNT = v.pipe(v.number(), v.safeInteger(), v.minValue(1))

/**
 * Returns the parsed content of `file`, checked against `schema`. Throws UserError that names the file, the field, its
 * value and the expected one, followed by `advice`, as in "make it again with ...".
 */
export function validate<T>(schema: v.GenericSchema<unknown, T>, value: unknown, file: string, advice: string): T {
  const { success, output, issues } = v.safeParse(schema, value)
  if (success) {
    const field = fieldOfInfinity(output)
    if (field === undefined) return output
    throw new UserError(`Cannot read "${file}": ${field || 'the file'} is too large for a number; ${advice}`)
  }
  throw new UserError(`Cannot read "${file}": ${describeIssue(issues[0])}; ${advice}`)
}

/** The field of the first number that is not finite: JSON.parse makes such of 1e400. Undefined if there is none. */
function fieldOfInfinity(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : ''
  if (typeof value !== 'object' || value === null) return undefined
  if (Array.isArray(value) && typeof value[0] === 'string') return undefined // lists of 100,000 ids and words
  for (const key in value) {
    const field = fieldOfInfinity(value[key as never])
    if (field !== undefined) return field === '' ? key : `${key}.${field}`
  }
  return undefined
}

/** Describes the first mistake and its field: `model.iterations is 1000000 and should be at most 100`. */
export function describeIssue(issue: v.BaseIssue<unknown>): string {
  const { path, received, expected, type, message } = deepest(issue)
  const field = path.join('.') || 'the file'
  if (received === 'undefined') return `${field} is missing`
  if (type === 'check') return `${field} is wrong: ${message}`
  const wanted = type.includes('integer') ? 'an integer' : inWords(expected ?? 'another value')
  return `${field} is ${shortened(TYPES[received] ?? received)} and should be ${wanted}`
}

interface Found extends Pick<v.BaseIssue<unknown>, 'received' | 'expected' | 'type' | 'message'> {
  readonly path: readonly unknown[]
}

/**
 * The issue that is nearest to the fault: of a union, the deepest one inside, which the variant has that fits best; the
 * union's own if no variant fits at all.
 */
function deepest(issue: v.BaseIssue<unknown>): Found {
  const { received, expected, type, message, issues = [] } = issue
  const path = issue.path?.map(({ key }) => key) ?? []
  const inside = issues
    .map(deepest)
    .filter((each) => each.path.length > 0)
    .reduce<Found | undefined>((best, each) => (best === undefined || nearer(each, best) ? each : best), undefined)
  return inside ? { ...inside, path: [...path, ...inside.path] } : { path, received, expected, type, message }
}

/** Whether one issue is deeper than another, or as deep and about a field that is there. */
const nearer = (a: Found, b: Found): boolean =>
  a.path.length > b.path.length ||
  (a.path.length === b.path.length && b.received === 'undefined' && a.received !== 'undefined')

/** Valibot's names of types. */
const TYPES: Readonly<Record<string, string>> = {
  Object: 'an object',
  Array: 'an array',
  number: 'a number',
  string: 'a string',
  boolean: 'a boolean',
}

const COMPARISONS: Readonly<Record<string, string>> = {
  '<=': 'at most',
  '<': 'below',
  '>=': 'at least',
  '>': 'above',
}

/** An expectation of Valibot, as in `>=1` or `("a" | "b")`, in words. */
function inWords(expected: string): string {
  const comparison = /^([<>]=?)(-?[\d.]+)$/.exec(expected)
  if (comparison) return `${COMPARISONS[comparison[1]!]} ${thousands(Number(comparison[2]))}`
  return expected
    .split(' | ')
    .map((choice) => choice.replace(/^\(+|\)+$/g, ''))
    .filter((choice) => choice !== 'undefined')
    .map((choice) => TYPES[choice] ?? choice)
    .join(' or ')
}
