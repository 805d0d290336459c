import { Random } from '../random.ts'

/** A random stream of its own: with or without augmentations, images and captions come in the same order. */
const STREAM = 1

/**
 * Draws the version of each of `images` images that an epoch trains on: 0 is the original, 1 to `augmentations` are its
 * augmentations. All are equally likely.
 */
export function drawAugmentations(
  images: number,
  { seed, epoch, augmentations }: { seed: number; epoch: number; augmentations: number },
): Int32Array {
  const random = new Random(seed, epoch, STREAM)
  return Int32Array.from({ length: images }, () => (augmentations > 0 ? random.below(augmentations + 1) : 0))
}
