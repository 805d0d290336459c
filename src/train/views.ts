import { Random } from '../random.ts'

/** Tells the stream that views are drawn from: with and without views, images and captions come in the same order. */
const STREAM = 1

/** Which view of each of `images` images an epoch sees, of `views` further ones and 0, the image as it is. */
export function drawViews(
  images: number,
  { seed, epoch, views }: { seed: number; epoch: number; views: number },
): Int32Array {
  const random = new Random(seed, epoch, STREAM)
  return Int32Array.from({ length: images }, () => (views > 0 ? random.below(views + 1) : 0))
}
