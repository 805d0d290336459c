/** Text as it may stand in HTML, in attributes too. */
export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`)

/** A part of 1 as a percentage for people: 2 digits at most, and what is above nothing never reads as nothing. */
export function percent(part: number): string {
  const value = part * 100
  if (value > 0 && value < 0.1) return '<0.1%'.replace('<', '&lt;')
  return value < 9.95 ? `${value.toFixed(1)}%` : `${value.toFixed(0)}%`
}
