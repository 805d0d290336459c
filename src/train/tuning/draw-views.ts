import { Random } from '../../random.ts'
import type { TuningPicture, View } from './views.ts'

/** The fraction of a side that a crop keeps: 224 of 256 pixels, as published. */
const KEPT = 224 / 256

/**
 * A view of each picture for an epoch, counted from 0, in random order: one of the stored views, or without those a
 * new crop of 7/8 of the width and height, mirrored or not. A function of its arguments alone.
 */
export function drawViews(
  pictures: readonly TuningPicture[],
  { seed, epoch, storedViews }: { readonly seed: number; readonly epoch: number; readonly storedViews: number },
): readonly View[] {
  const random = new Random(seed, epoch + 1)
  return random.shuffle([...pictures]).map((picture) => {
    if (storedViews > 0) return { picture, number: random.below(storedViews) }
    const [left, top] = [random.uniform() * (1 - KEPT), random.uniform() * (1 - KEPT)]
    return { picture, number: 0, crop: { left, top, width: KEPT, height: KEPT, mirrored: random.below(2) === 1 } }
  })
}
