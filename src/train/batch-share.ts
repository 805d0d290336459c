import type { Share } from '../distributed/shares.ts'
import type { HostValues } from '../engine/session.ts'
import { ints } from '../formats/host-value.ts'
import type { Batch } from './batches.ts'

/** The images of a batch from `start` up to `end`, with their captions and the sizes of the whole batch. */
export function partOf(batch: Batch, { start, end }: Share): Batch {
  const captions = batch.captions.length / batch.images.length
  return {
    ...batch,
    images: batch.images.slice(start, end),
    augmentations: batch.augmentations.slice(start, end),
    captions: batch.captions.slice(start * captions, end * captions),
  }
}

/**
 * Places the words of a part in its batch: the inputs of gradientStep() beside those of predict(). `lengths` are the
 * words of each caption of the batch, `<end>` included; a batch's words are numbered as packTargets() orders them, by
 * time step and then by caption.
 */
export function placeOf(lengths: readonly number[], { images }: Batch, { start, end }: Share): HostValues {
  const perImage = lengths.length / images.length
  const rows: number[] = []
  let row = 0
  for (let t = 0; t < Math.max(...lengths); t++)
    for (const [n, length] of lengths.entries()) {
      if (t >= length) continue
      if (n >= start * perImage && n < end * perImage) rows.push(row)
      row += 1
    }
  return {
    rows: ints(Int32Array.from(rows)),
    rowsTotal: ints(row),
    imagesBefore: ints(start),
    imagesTotal: ints(images.length),
  }
}
