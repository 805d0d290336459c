import { UserError } from '../errors.ts'
import { counted, firstFew } from '../wording.ts'
import { visible } from './visible.ts'

/**
 * Throws UserError if `wrong` is not empty, as in "Cannot score results: 12 images without a caption (17, 18, 23 and 9
 * more); give one for each image". `wrong` holds ids or places; `noun` is singular.
 */
export function refuse(
  action: string,
  wrong: Iterable<string | number>,
  noun: string,
  fault: string,
  advice: string,
): void {
  const all = [...wrong]
  if (all.length === 0) return
  const names = firstFew(all.map((each) => visible(String(each))))
  throw new UserError(`Cannot ${action}: ${counted(all.length, noun)} ${fault} (${names}); ${advice}`)
}
