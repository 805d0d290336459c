import { Random } from '../random.ts'
import type { CaptionedImage } from './source.ts'

/**
 * Reassigns images to splits at random, keeping the size of each split; `seed` determines the assignment. The published
 * MIA code tests on such a split instead of Karpathy's; its scores are inflated, because it trains on images of the
 * real test split.
 */
export function randomSplit(images: readonly CaptionedImage[], seed: number): CaptionedImage[] {
  const shuffled = new Random(seed, 0).shuffle(images.map(({ split }) => split))
  return images.map((image, i) => ({ ...image, split: shuffled[i]! }))
}
