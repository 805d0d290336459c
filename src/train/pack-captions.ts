import { END, PAD, START } from '../text/vocabulary.ts'

/** N captions unrolled over T steps. */
export interface PackedCaptions {
  /** [T, N], time first: the word fed at each step: `<start>`, the words, then `<pad>` */
  readonly inputs: Int32Array
  /** [P] the word to be predicted at each of the P steps that are not padding: the words, then `<end>` */
  readonly targets: Int32Array
  /** [P] where each target is predicted: (image * T + step) * captionsPerImage + which of the image's captions */
  readonly positions: Int32Array
}

/**
 * Lays out captions, word ids without `<start>` and `<end>`, over `steps` steps; those of an image stand together. Targets go step by step, as
 * PyTorch's packed sequences do. Throws RangeError if a caption does not fit.
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
        throw new RangeError(`Cannot lay ${words.length} words and <end> over ${steps} steps`)
      }
      if (t > words.length) continue
      inputs[t * captions.length + n] = t === 0 ? START : words[t - 1]!
      targets.push(t === words.length ? END : words[t]!)
      positions.push((Math.floor(n / captionsPerImage) * steps + t) * captionsPerImage + (n % captionsPerImage))
    }
  }
  return { inputs, targets: Int32Array.from(targets), positions: Int32Array.from(positions) }
}
