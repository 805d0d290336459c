/** Quotation marks as the Penn Treebank writes them: `` and '' around, ` and ' inside. */
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

/** A closing quotation mark, or a token with an apostrophe in it. */
export function closingQuote(token: string): string {
  const plain = token.replace(/"|&quot;/gi, "''")
  return plain === "'" ? plain : plain.replace(CURLY_PATTERN, (mark) => CURLY[mark.toLowerCase()] ?? mark)
}

/** A straight quotation mark that opens. */
export function openingQuote(token: string): string {
  return token.length === 1 && token !== '"' ? '`' : '``'
}
