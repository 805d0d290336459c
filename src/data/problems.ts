/** A count with its noun, as in "1 image" or "6,000 images". */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`
}

/** The first few of many names, as in "a.jpg, b.jpg, c.jpg and 12 more". */
export function firstFew(names: readonly string[], few = 3): string {
  const rest = names.length - few
  return names.slice(0, few).join(', ') + (rest > 0 ? ` and ${rest.toLocaleString('en')} more` : '')
}
