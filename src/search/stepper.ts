/** Log-probabilities to add to single words of single rows before the best are taken: three arrays of equal length. */
export interface Penalties {
  readonly rows: Int32Array
  /** word ids */
  readonly words: Int32Array
  /** natural logarithms; -Infinity forbids the word */
  readonly values: Float32Array
}

/** Single words of single rows, whatever their rank: two arrays of equal length. */
export interface WantedWords {
  readonly rows: Int32Array
  /** word ids */
  readonly words: Int32Array
}

/** The inputs of one step: arrays of equal length, one entry per row. */
export interface StepInput {
  /** the word fed to each row */
  readonly words: Int32Array
  /** the row of the step before (or of the start) that each row continues */
  readonly parents: Int32Array
  /** the image of each row; rows of an image are consecutive, images ascend */
  readonly images: Int32Array
  /** log-probabilities that the filters add */
  readonly penalties?: Penalties
  /** words whose log-probabilities are wanted besides the best ones */
  readonly wanted?: WantedWords
}

/** The most probable next words of each row, best first: both arrays are `[rows * width]`. */
export interface StepOutput<State> {
  readonly state: State
  readonly ids: Int32Array
  /** natural logarithms of probabilities over the whole vocabulary, plus the penalties, descending in each row */
  readonly logProbs: Float32Array
  /** the same for the wanted words, in their order; absent if none were asked for */
  readonly wanted?: Float32Array
}

/**
 * A captioner for search, one word at a time for many rows at once. The state stays on the device; a step returns
 * `width` ids and log-probabilities per row. Words that captions never contain (`<pad>`, `<start>`, `<unk>`) have the
 * log-probability -Infinity.
 */
export interface Stepper<State> {
  /** The state before the first word: one row for each of `images` images. */
  start(images: number): Promise<State> | State
  /**
   * Feeds one word to each row. A state is stepped once, so that its buffers may be freed; width is the number of words
   * wanted for each row.
   */
  step(state: State, input: StepInput, width: number): Promise<StepOutput<State>>
}
