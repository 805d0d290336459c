/** Hypotheses of an image that keep growing, unless another number is asked for; the published beam size. */
export const DEFAULT_BEAM = 3

/** Words that a caption may have, the closing `<end>` counted, unless another number is asked for. */
export const DEFAULT_MAX_LENGTH = 20

/**
 * Hypotheses that keep growing where they are rescored by concepts, unless another number is asked for: the best
 * caption is found among them only. docs/search.md has what more of them bring.
 */
export const RESCORED_BEAM = 10

/**
 * The choices of the search for captions of photographs in which it differs from the published one. A plain beam search
 * likes "a kitchen with a kitchen", and short captions better than those that say more; docs/search.md has what each
 * choice brings.
 */
export const PHOTO_SEARCH = { blockRepeatedWords: true, lengthPenalty: 'average', conceptWeight: 0.2 } as const
