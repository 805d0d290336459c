/** A number with the thousands apart, as in 31,783. */
export const thousands = (value: number): string => value.toLocaleString('en')

/** A count with its noun, as in "1 image", "6,000 images", "2 entries". */
export function counted(count: number, noun: string): string {
  const plural = noun.endsWith('y') ? `${noun.slice(0, -1)}ies` : `${noun}s`
  return `${thousands(count)} ${count === 1 ? noun : plural}`
}

/** The first few of many names, as in "a.jpg, b.jpg, c.jpg and 12 more"; a very long name is shortened. */
export function firstFew(names: readonly string[], few = 3): string {
  const rest = names.length - few
  const shown = names.slice(0, few).map((name) => (name.length <= 60 ? name : `${name.slice(0, 57)}...`))
  return shown.join(', ') + (rest > 0 ? ` and ${thousands(rest)} more` : '')
}
