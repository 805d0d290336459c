import { Random } from '../random.ts'

/** Tells the stream that augmentations are drawn from: with and without augmentations, images and captions come in the same order. */
const STREAM = 1

/** Which augmentation of each of `images` images an epoch sees, of `augmentations` further ones and 0, the image as it is. */
export function drawAugmentations(
  images: number,
  { seed, epoch, augmentations }: { seed: number; epoch: number; augmentations: number },
): Int32Array {
  const random = new Random(seed, epoch, STREAM)
  return Int32Array.from({ length: images }, () => (augmentations > 0 ? random.below(augmentations + 1) : 0))
}
