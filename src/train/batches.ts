import { Random } from '../random.ts'
import { drawAugmentations } from './augmentations.ts'
import { bucketOf } from './buckets.ts'

/** A batch: B images, each with C captions. */
export interface Batch {
  /** indices into the list of images that makeBatches() got, `[B]` */
  readonly images: Int32Array
  /** the augmentation of each image, `[B]`; 0 is the original */
  readonly augmentations: Int32Array
  /** indices into each image's captions, `[B*C]`, image by image */
  readonly captions: Int32Array
  /** time steps: the length bucket of its longest caption */
  readonly steps: number
  /** regions that its images are padded to */
  readonly regions: number
}

/** How the images of an epoch are divided into batches. */
export interface BatchOptions {
  readonly seed: number
  /** the epoch, counted from 0 */
  readonly epoch: number
  /** length buckets, ascending; the last holds the longest caption: see chooseBuckets() */
  readonly lengths: readonly number[]
  /** captions in a batch, a multiple of `captionsPerImage` */
  readonly batchSize: number
  readonly captionsPerImage: number
  /** augmentations of each image; each epoch draws one of them or the original */
  readonly augmentations?: number
  /** batches that are sorted by size together; 1 mixes most and pads most */
  readonly window?: number
}

/** The sizes of an image that decide its batch. */
export interface BatchItem {
  /** time steps of each of its captions, `<end>` included */
  readonly steps: readonly number[]
  /** its region bucket */
  readonly regions: number
}

/**
 * Returns the batches of one epoch: every image once, as a function of seed and epoch alone. The images are shuffled.
 * Within each window of batches they are sorted by regions, then by their longest caption, so that little is padded;
 * then the batches are shuffled. If an image has more than `captionsPerImage` captions, some are drawn; if it has
 * fewer, some repeat. The last batch may be smaller. Throws RangeError for an image without captions, and for a caption
 * longer than every bucket.
 */
export function makeBatches(
  items: readonly BatchItem[],
  { seed, epoch, lengths, batchSize, captionsPerImage, augmentations = 0, window = 50 }: BatchOptions,
): Batch[] {
  const imagesPerBatch = batchSize / captionsPerImage
  const random = new Random(seed, epoch)
  const order = random.shuffle(Int32Array.from(items.keys()))
  const drawn = drawAugmentations(items.length, { seed, epoch, augmentations })
  const captions = items.map(({ steps }, image) => drawCaptions(steps.length, captionsPerImage, image, random))
  const longest = captions.map((drawn, image) => Math.max(...drawn.map((caption) => items[image]!.steps[caption]!)))
  const batches: Batch[] = []
  for (let start = 0; start < order.length; start += window * imagesPerBatch) {
    const sorted = order
      .subarray(start, start + window * imagesPerBatch)
      .sort((a, b) => items[a]!.regions - items[b]!.regions || longest[a]! - longest[b]!)
    for (let first = 0; first < sorted.length; first += imagesPerBatch) {
      const images = sorted.slice(first, first + imagesPerBatch)
      batches.push({
        images,
        augmentations: images.map((image) => drawn[image]!),
        captions: Int32Array.from([...images].flatMap((image) => captions[image]!)),
        steps: lengthBucket(Math.max(...images.map((image) => longest[image]!)), lengths),
        regions: items[images.at(-1)!]!.regions,
      })
    }
  }
  return random.shuffle(batches)
}

/** Draws `wanted` of an image's captions, by number; if there are fewer, some repeat. */
export function drawCaptions(available: number, wanted: number, image: number, random: Random): number[] {
  if (available === 0) throw new RangeError(`Cannot train on image ${image} of the list: it has no captions`)
  const shuffled = random.shuffle(Array.from({ length: available }, (_, i) => i))
  return Array.from({ length: wanted }, (_, i) => shuffled[i % available]!)
}

function lengthBucket(steps: number, lengths: readonly number[]): number {
  const length = bucketOf(steps, lengths)
  if (length === undefined) {
    throw new RangeError(`Cannot train on a caption of ${steps} steps: the longest bucket has ${lengths.at(-1)}`)
  }
  return length
}
