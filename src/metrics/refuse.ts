import { UserError } from '../errors.ts'

/** A number and its noun: `1 image`, `5,000 images`, `2 entries`. */
export function counted(count: number, noun: string): string {
  const plural = noun.endsWith('y') ? `${noun.slice(0, -1)}ies` : `${noun}s`
  return `${count.toLocaleString('en')} ${count === 1 ? noun : plural}`
}

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
  const first = all.slice(0, 3).map((id) => shortened(String(id)))
  const more = all.length > first.length ? ` and ${(all.length - first.length).toLocaleString('en')} more` : ''
  throw new UserError(`Cannot ${act}: ${counted(all.length, noun)} ${fault} (${first.join(', ')}${more}); ${advice}`)
}

function shortened(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`
}
