// A shard is a safetensors file with the features of some images, float16, in the tensor `features`: [images, regions,
// size] for the cells of grids, [rows, size] for boxes, those of an image after those of the image before. The images'
// ids are in its metadata, so that no other shard can be taken for it. Shards of version 0.1.0 may have further tensors
// (boxes, labels, scores), which nothing reads.
import { join } from 'node:path'
import { UserError } from '../errors.ts'
import { elementCount } from '../formats/host-value.ts'
import type { Shard } from './feature-index.ts'
import { SafetensorsFile, writeSafetensors } from './safetensors-file.ts'

/** The most regions of an image, or for a grid their number, and the numbers of a region. */
export interface RegionSizes {
  readonly regions: number
  readonly size: number
}

/** Returns the first row and the number of regions of each image of a shard. */
export function rowsOf({ ids, counts }: Shard, { regions }: RegionSizes): { first: number; count: number }[] {
  let next = 0
  return (counts ?? ids.map(() => regions)).map((count) => {
    next += count
    return { first: next - count, count }
  })
}

const shapeOf = (shard: Shard, { regions, size }: RegionSizes): number[] =>
  shard.counts ? [shard.counts.reduce((a, b) => a + b, 0), size] : [shard.ids.length, regions, size]

/** Writes a shard with the features of its images, float16 bits `[regions, size]` each. */
export async function writeShard(
  folder: string,
  shard: Shard,
  sizes: RegionSizes,
  features: readonly Uint16Array[],
): Promise<void> {
  const shape = shapeOf(shard, sizes)
  const data = new Uint16Array(elementCount(shape))
  let at = 0
  for (const each of features) {
    data.set(each, at)
    at += each.length
  }
  await writeSafetensors(join(folder, shard.file), [['features', { dtype: 'F16', shape, data }]], {
    ids: JSON.stringify(shard.ids),
  })
}

const ADVICE = 'run "mia features" again: it makes what is missing'

/**
 * Opens a shard. Throws UserError, with what to do, if it is missing, damaged or not the one that the index describes.
 */
export async function openShard(folder: string, shard: Shard, sizes: RegionSizes): Promise<SafetensorsFile> {
  const path = join(folder, shard.file)
  const file = await SafetensorsFile.open(path, 'features').catch((error) => {
    throw error instanceof UserError ? new UserError(`${error.message}; ${ADVICE}`) : error
  })
  const { dtype, shape } = file.entries.get('features') ?? {}
  const fits = dtype === 'F16' && shape?.join() === shapeOf(shard, sizes).join()
  if (fits && file.metadata.ids === JSON.stringify(shard.ids)) return file
  await file.close()
  throw new UserError(`Cannot read features "${path}": it does not hold the images that the index says; ${ADVICE}`)
}

/**
 * Reads the features of an image into `into`. `first` is the image's place in the shard of a grid, its first row for
 * boxes.
 */
export const readFeatures = (file: SafetensorsFile, first: number, into: Uint16Array): Promise<void> =>
  file.readRows('features', first, into)
