/**
 * One way to read a token. The pattern's first group is the token; what it matches behind that group is context: it must
 * be there and counts towards the length by which rules compete, but is read again for the next token.
 */
export interface Rule {
  readonly pattern: RegExp
  /** The token as it is written out, where that differs from what was read. */
  readonly write?: (token: string) => string
  /** Whether the words that the pattern found are ones this rule means; always, if left out. */
  readonly means?: (token: string) => boolean
  /** The token's full stop also ends the sentence and is read once more, as a token of its own. */
  readonly endsSentence?: boolean
}

/** Rules that can only begin with certain characters: most need not be tried at most places. */
export interface Family {
  readonly begins: RegExp
  readonly rules: readonly Rule[]
}

/** Joins the sources of patterns and strings into one sticky pattern, case-sensitive unless `flags` has i. */
export function pattern(flags: '' | 'i', ...parts: readonly (RegExp | string)[]): RegExp {
  return new RegExp(parts.map((part) => (typeof part === 'string' ? part : part.source)).join(''), `yu${flags}`)
}
