import { UserError } from '../errors.ts'
import { counted, firstFew } from '../wording.ts'

/**
 * Throws UserError if `wrong` is not empty, as in "Cannot score results: 12 images without a caption (17, 18, 23 and 9
 * more); give one for each image". `wrong` holds ids or indices; `noun` is singular.
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
  throw new UserError(
    `Cannot ${action}: ${counted(all.length, noun)} ${fault} (${firstFew(all.map(String))}); ${advice}`,
  )
}

/** refuse() for the `indices` of entries of a file, as in "2 entries without a caption (index 0, 4)". */
export function refuseIndices(
  action: string,
  indices: readonly number[],
  noun: string,
  fault: string,
  advice: string,
): void {
  const named = indices.map((index, i) => (i === 0 ? `index ${index}` : index))
  refuse(action, named, noun, fault, advice)
}
