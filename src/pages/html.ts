/** Escapes text for the content and the attribute values of HTML. */
export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`)

/** A fraction as a percentage in HTML, as in "34%" or "3.4%"; a positive one never reads as "0.0%". */
export function percent(fraction: number): string {
  const value = 100 * fraction
  if (value > 0 && value < 0.1) return '&lt;0.1%'
  return `${value.toFixed(value < 9.95 ? 1 : 0)}%`
}

/** The last part of a path or URL, as Node's `basename`, which a page lacks. */
export const fileName = (path: string): string => /[^/\\]*$/.exec(path)![0]
