/** The ways in which words match, in METEOR's order. */
export const MODULES = ['exact', 'stem', 'synonym', 'paraphrase'] as const

/** Words of a candidate and words of a reference that mean the same. */
export interface Match {
  /** place in MODULES */
  readonly module: number
  readonly candidate: Span
  readonly reference: Span
}

export interface Span {
  readonly start: number
  readonly length: number
}
