/** Hypotheses of an image that keep growing, unless another number is asked for; the published beam size. */
export const DEFAULT_BEAM = 3

/** Words that a caption may have, the closing `<end>` counted, unless another number is asked for. */
export const DEFAULT_MAX_LENGTH = 20
