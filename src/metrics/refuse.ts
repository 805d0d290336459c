import { UserError } from '../errors.ts'
import { counted, firstFew } from '../wording.ts'

/**
 * Throws UserError if there are any of the `wrong` ones, as in "Cannot score results: 12 images have no caption
 * (17, 18, 23 and 9 more); run the test again".
 */
export function refuse(
  act: string,
  wrong: Iterable<string | number>,
  noun: string,
  fault: string,
  advice: string,
): void {
  const all = [...wrong]
  if (all.length === 0) return
  throw new UserError(`Cannot ${act}: ${counted(all.length, noun)} ${fault} (${firstFew(all.map(String))}); ${advice}`)
}
