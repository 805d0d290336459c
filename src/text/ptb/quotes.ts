/** Curly quotation marks in the Penn Treebank's form: `` and '' for double, ` and ' for single quotes. */
const CURLY: Readonly<Record<string, string>> = {
  '\u2018': '`',
  '\u201B': '`',
  '\u2039': '`',
  '\u0091': '`',
  '\u2019': "'",
  '\u203A': "'",
  '\u0092': "'",
  '&apos;': "'",
  '\u201C': '``',
  '\u00AB': '``',
  '\u0093': '``',
  '\u201D': "''",
  '\u00BB': "''",
  '\u0094': "''",
}

const CURLY_PATTERN = new RegExp(Object.keys(CURLY).join('|'), 'gi')

/** Normalises a closing quotation mark, or the apostrophes of a token. */
export function closingQuote(token: string): string {
  const plain = token.replace(/"|&quot;/gi, "''")
  return plain === "'" ? plain : plain.replace(CURLY_PATTERN, (mark) => CURLY[mark.toLowerCase()] ?? mark)
}

/** Normalises a straight opening quotation mark. */
export function openingQuote(token: string): string {
  return token.length === 1 && token !== '"' ? '`' : '``'
}
