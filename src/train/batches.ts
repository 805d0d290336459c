import { Random } from '../random.ts'
import { drawAugmentations } from './augmentations.ts'
import { levelOf } from './buckets.ts'

/** Some images and some captions of each, to be trained on together. */
export interface Batch {
  /** places of the images in the list that the batches were made of */
  readonly images: Int32Array
  /** which augmentation of each image; 0 is the picture as it is */
  readonly augmentations: Int32Array
  /** which of its image's captions, [images * captionsPerImage]: those of the first image, then of the second, ... */
  readonly captions: Int32Array
  /** how many times the decoder is unrolled: enough for the longest caption, one of the lengths asked for */
  readonly steps: number
  /** how many regions its images are padded to: enough for the one with most */
  readonly regions: number
}

export interface BatchOptions {
  readonly seed: number
  readonly epoch: number
  /** the numbers of steps allowed, ascending; the last at least the longest caption's: see chooseLevels() */
  readonly lengths: readonly number[]
  readonly imagesPerBatch?: number
  readonly captionsPerImage?: number
  /** how many further augmentations each image has; one of them or the picture itself is drawn */
  readonly augmentations?: number
  /** batches sorted together; 1 pads most and mixes most */
  readonly window?: number
}

/** What decides how an image is batched. */
export interface BatchItem {
  /** for each of its captions how many words the decoder predicts, `<end>` counted */
  readonly steps: readonly number[]
  /** how many regions it is padded to */
  readonly regions: number
}

/**
 * One epoch's batches, every image once, a function of the seed and the epoch alone. Images come in random order, but within `window` batches they
 * are sorted by what their regions are padded to and then by their longest caption, so that little is padded; then the batches are shuffled. Of an image with more
 * than `captionsPerImage` captions some are drawn, with fewer some come again. The epoch's last images may make a
 * smaller batch. Throws RangeError for an image without captions and a caption longer than every length.
 */
export function makeBatches(
  items: readonly BatchItem[],
  { seed, epoch, lengths, imagesPerBatch = 16, captionsPerImage = 5, augmentations = 0, window = 50 }: BatchOptions,
): Batch[] {
  const random = new Random(seed, epoch)
  const order = random.shuffle(Int32Array.from(items.keys()))
  const drawn = drawAugmentations(items.length, { seed, epoch, augmentations })
  const captions = items.map(({ steps }, image) => drawCaptions(steps.length, captionsPerImage, image, random))
  const longest = captions.map((drawn, image) => Math.max(...drawn.map((caption) => items[image]!.steps[caption]!)))
  const batches: Batch[] = []
  for (let start = 0; start < order.length; start += window * imagesPerBatch) {
    const near = order
      .subarray(start, start + window * imagesPerBatch)
      .sort((a, b) => items[a]!.regions - items[b]!.regions || longest[a]! - longest[b]!)
    for (let first = 0; first < near.length; first += imagesPerBatch) {
      const images = near.slice(first, first + imagesPerBatch)
      batches.push({
        images,
        augmentations: images.map((image) => drawn[image]!),
        captions: Int32Array.from([...images].flatMap((image) => captions[image]!)),
        steps: roundUp(Math.max(...images.map((image) => longest[image]!)), lengths),
        regions: items[images.at(-1)!]!.regions,
      })
    }
  }
  return random.shuffle(batches)
}

function drawCaptions(available: number, wanted: number, image: number, random: Random): number[] {
  if (available === 0) throw new RangeError(`Cannot train on image ${image} of the list: it has no captions`)
  const shuffled = random.shuffle(Array.from({ length: available }, (_, i) => i))
  return Array.from({ length: wanted }, (_, i) => shuffled[i % available]!)
}

function roundUp(steps: number, lengths: readonly number[]): number {
  const length = levelOf(steps, lengths)
  if (length === undefined) {
    throw new RangeError(`Cannot train on a caption of ${steps} steps: the longest length is ${lengths.at(-1)}`)
  }
  return length
}
