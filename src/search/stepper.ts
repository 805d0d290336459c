/** What the rows of one step are fed: three arrays of equal length, one entry a row. */
export interface StepInput {
  /** the word fed to each row */
  readonly words: Int32Array
  /** the row of the step before (or of the start) that each row continues */
  readonly parents: Int32Array
  /** the image that each row looks at; rows of an image stand together, images ascend */
  readonly images: Int32Array
}

/** The most probable next words of each row, best first: both arrays are [rows * width]. */
export interface StepOutput<State> {
  readonly state: State
  readonly ids: Int32Array
  /** natural logarithms of probabilities over the whole vocabulary, descending in each row */
  readonly logProbs: Float32Array
}

/**
 * A decoder, one word at a time for many rows at once. The state stays inside, on the device if there is one: what
 * comes out of a step is `width` numbers a row. Words that must never come (`<pad>`, `<start>`, `<unk>`) are left out.
 */
export interface Stepper<State> {
  /** The state before the first word: one row for each of `images` images. */
  start(images: number): Promise<State> | State
  /** Feeds one word to each row. A state is stepped once, so its buffers may be used again; width is what ids holds. */
  step(state: State, input: StepInput, width: number): Promise<StepOutput<State>>
}
