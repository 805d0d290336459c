import { END, PAD, START } from '../text/vocabulary.ts'

/** N captions, C of each image, packed over T time steps with P words in all. */
export interface PackedCaptions {
  /** the id of the word fed at each step, `[T, N]`: `<start>`, the words, then `<pad>` */
  readonly inputs: Int32Array
  /** the id of the word to predict at each step that is not padding, `[P]`: the words, then `<end>` */
  readonly targets: Int32Array
  /** where each target is predicted, `[P]`: (image * T + step) * C + caption, of the hidden states `[B, T*C, D]` */
  readonly positions: Int32Array
}

/**
 * Packs captions, given as word ids without `<start>` and `<end>`, image by image. Targets are ordered by time step,
 * then by caption, as in PyTorch's packed sequences. Throws RangeError if a caption and its `<end>` need more than
 * `steps` steps.
 */
export function packCaptions(
  captions: readonly ArrayLike<number>[],
  steps: number,
  captionsPerImage: number,
): PackedCaptions {
  const inputs = new Int32Array(steps * captions.length).fill(PAD)
  const targets: number[] = []
  const positions: number[] = []
  for (let t = 0; t < steps; t++) {
    for (const [n, words] of captions.entries()) {
      if (words.length + 1 > steps) {
        throw new RangeError(`Cannot pack ${words.length} words and <end> into ${steps} steps`)
      }
      if (t > words.length) continue
      inputs[t * captions.length + n] = t === 0 ? START : words[t - 1]!
      targets.push(t === words.length ? END : words[t]!)
      positions.push((Math.floor(n / captionsPerImage) * steps + t) * captionsPerImage + (n % captionsPerImage))
    }
  }
  return { inputs, targets: Int32Array.from(targets), positions: Int32Array.from(positions) }
}
