import { Random } from '../../random.ts'
import { drawCaptions } from '../batches.ts'
import type { TuningPicture, View } from './views.ts'

/** The fraction of a side that a crop keeps: 224 of 256 pixels, as published. */
const KEPT = 224 / 256

/** How the views of an epoch are drawn. */
export interface DrawOptions {
  readonly seed: number
  /** the epoch, counted from 0 */
  readonly epoch: number
  /** the stored views of each picture; 0: none are stored */
  readonly storedViews: number
  /** captions to draw with each view, of pictures that a captioner is trained on */
  readonly captionsPerImage: number
}

/** Tells the random numbers of captions from those of crops. */
const CAPTIONS = 0xcab7

/**
 * A view of each picture for an epoch, counted from 0, in random order: one of the stored views, or without those a
 * new crop of 7/8 of the width and height, mirrored or not. A function of its arguments alone.
 */
export function drawViews(
  pictures: readonly TuningPicture[],
  { seed, epoch, storedViews, captionsPerImage }: DrawOptions,
): readonly View[] {
  const random = new Random(seed, epoch + 1)
  const ofCaptions = new Random(seed, epoch + 1, CAPTIONS)
  return random.shuffle([...pictures]).map((picture, i) => {
    const { captioned } = picture
    const drawn = captioned && {
      captions: drawCaptions(captioned.captions.length, captionsPerImage, i, ofCaptions),
    }
    if (storedViews > 0) return { picture, number: random.below(storedViews), ...drawn }
    const [left, top] = [random.uniform() * (1 - KEPT), random.uniform() * (1 - KEPT)]
    const crop = { left, top, width: KEPT, height: KEPT, mirrored: random.below(2) === 1 }
    return { picture, number: 0, crop, ...drawn }
  })
}
