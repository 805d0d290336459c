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
export const packCaptions = (
  captions: readonly ArrayLike<number>[],
  steps: number,
  captionsPerImage: number,
): PackedCaptions =>
  packTargets(
    captions.map((words) => [...Array.from(words), END]),
    steps,
    captionsPerImage,
  )

/**
 * Packs captions, given as the ids to predict, image by image: the words, then `<end>` unless the caption was cut.
 * Throws RangeError if one has more than `steps` ids.
 */
export function packTargets(
  captions: readonly (readonly number[])[],
  steps: number,
  captionsPerImage: number,
): PackedCaptions {
  const inputs = new Int32Array(steps * captions.length).fill(PAD)
  const targets: number[] = []
  const positions: number[] = []
  const longest = Math.max(...captions.map(({ length }) => length))
  if (longest > steps) throw new RangeError(`Cannot pack ${longest - 1} words and <end> into ${steps} steps`)
  for (let t = 0; t < longest; t++) {
    for (const [n, ids] of captions.entries()) {
      if (t >= ids.length) continue
      inputs[t * captions.length + n] = t === 0 ? START : ids[t - 1]!
      targets.push(ids[t]!)
      positions.push((Math.floor(n / captionsPerImage) * steps + t) * captionsPerImage + (n % captionsPerImage))
    }
  }
  return { inputs, targets: Int32Array.from(targets), positions: Int32Array.from(positions) }
}
