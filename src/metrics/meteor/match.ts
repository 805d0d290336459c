/** METEOR's matching modules, in order. */
export const MODULES = ['exact', 'stem', 'synonym', 'paraphrase'] as const

/** A match of words of a candidate with words of a reference. */
export interface Match {
  /** Index in MODULES. */
  readonly module: number
  readonly candidate: Span
  readonly reference: Span
}

/** A run of words in a caption. */
export interface Span {
  /** Index of the first word. */
  readonly start: number
  /** Number of words. */
  readonly length: number
}
