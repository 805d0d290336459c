import * as v from 'valibot'
import { UserError } from './errors.ts'

/**
 * What stands in a file, checked. Throws UserError that names the file, the field, what it is and what it should be,
 * followed by `advice`, as in "make it again".
 */
export function validate<T>(schema: v.GenericSchema<unknown, T>, value: unknown, file: string, advice: string): T {
  const { success, output, issues } = v.safeParse(schema, value)
  if (success) return output
  const [{ received, expected }] = issues
  const field = v.getDotPath(issues[0]) ?? 'the file'
  const wrong = received === 'undefined' ? `${field} is missing` : `${field} is ${received} and should be ${expected}`
  throw new UserError(`Cannot read "${file}": ${wrong}; ${advice}`)
}
