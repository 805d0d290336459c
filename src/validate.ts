import * as v from 'valibot'
import { UserError } from './errors.ts'
import { shortened } from './wording.ts'

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
  if (success) return output
  const [{ received, expected }] = issues
  const field = v.getDotPath(issues[0]) ?? 'the file'
  const fault =
    received === 'undefined' ? `${field} is missing` : `${field} is ${shortened(received)} and should be ${expected}`
  throw new UserError(`Cannot read "${file}": ${fault}; ${advice}`)
}
