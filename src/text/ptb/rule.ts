/**
 * A rule of the lexer. The pattern's first group is the token. What the pattern matches after that group is context: it
 * counts towards the match length by which rules compete, but is read again for the next token.
 */
export interface Rule {
  readonly pattern: RegExp
  /** Returns the normalised token; by default the token stays as matched. */
  readonly write?: (token: string) => string
  /** Accepts or rejects a matched token; by default every match is accepted. */
  readonly means?: (token: string) => boolean
  /** Whether the token's full stop also ends the sentence: it is then read again as a token of its own. */
  readonly endsSentence?: boolean
  /**
   * Of a rule that may read far without a match: what it reads. The rule must be such that, where it has no match, it
   * has none at any later position within what it read either: these positions are skipped, so that the time is linear
   * in the length of the caption (compare Reps, "Maximal-munch tokenization in linear time", TOPLAS 1998).
   */
  readonly reads?: RegExp
}

/** Rules whose matches can only begin with certain characters, so that most rules are skipped at most positions. */
export interface Family {
  readonly begins: RegExp
  readonly rules: readonly Rule[]
}

/** Concatenates regular expression sources into one sticky Unicode pattern, case-insensitive if `flags` is "i". */
export function pattern(flags: '' | 'i', ...parts: readonly (RegExp | string)[]): RegExp {
  return new RegExp(parts.map((part) => (typeof part === 'string' ? part : part.source)).join(''), `yu${flags}`)
}
