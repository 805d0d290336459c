// A shard is a safetensors file with the features of some images, float16, in the tensor `features`: [images, regions,
// size] for the cells of grids, [rows, size] for boxes, those of an image after those of the image before. The images'
// ids are in its metadata, so that no other shard can be taken for it, and the CRC-32 of each image's features, since
// images are read one by one. Shards of version 0.1.0 may have further tensors
// (boxes, labels, scores), which nothing reads.
import { join } from 'node:path'
import { UserError } from '../errors.ts'
import { elementCount } from '../formats/host-value.ts'
import { checksumOf } from './checksums.ts'
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

/** The key of the checksums in the metadata; shards of version 0.1.0 have none. */
const CHECKSUMS = 'features-crc32'

const checksumOfFeatures = ({ buffer, byteOffset, byteLength }: Uint16Array): string =>
  checksumOf(new Uint8Array(buffer, byteOffset, byteLength))

/** A shard that is open. */
export interface OpenShard {
  readonly file: SafetensorsFile
  /** what errors call it */
  readonly name: string
  /** the CRC-32 of each image's features in hexadecimal, if it has them */
  readonly checksums?: readonly string[]
}

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
    [CHECKSUMS]: JSON.stringify(features.map(checksumOfFeatures)),
  })
}

const ADVICE = 'run "mia features" again: it makes what is missing'

/**
 * Opens a shard. Throws UserError, with what to do, if it is missing, damaged or not the one that the index describes.
 */
export async function openShard(folder: string, shard: Shard, sizes: RegionSizes): Promise<OpenShard> {
  const path = join(folder, shard.file)
  const file = await SafetensorsFile.open(path, 'features').catch((error) => {
    throw error instanceof UserError ? new UserError(`${error.message}; ${ADVICE}`) : error
  })
  const { dtype, shape } = file.entries.get('features') ?? {}
  const fits = dtype === 'F16' && shape?.join() === shapeOf(shard, sizes).join()
  const checksums = checksumsOf(file.metadata[CHECKSUMS])
  const sameImages = file.metadata.ids === JSON.stringify(shard.ids)
  if (fits && sameImages && (!checksums || checksums.length === shard.ids.length))
    return { file, name: `features "${path}"`, ...(checksums && { checksums }) }
  await file.close()
  throw new UserError(`Cannot read features "${path}": it does not hold the images that the index says; ${ADVICE}`)
}

function checksumsOf(text: string | undefined): readonly string[] | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as string[]) // the header's own checksum is right
}

/** Where an image's features are in a shard. */
export interface ShardPlace {
  /** its number in the shard */
  readonly number: number
  /** its first row: for grids the same number, for boxes the number of rows of the images before it */
  readonly first: number
}

/**
 * Reads the features of an image into `into`. Throws UserError, with what to do, if they differ from their checksum.
 */
export async function readFeatures(
  { file, name, checksums }: OpenShard,
  { number, first }: ShardPlace,
  into: Uint16Array,
): Promise<void> {
  await file.readRows('features', first, into)
  if (checksums && checksumOfFeatures(into) !== checksums[number])
    throw new UserError(
      `Cannot read ${name}: the checksum of its image ${number + 1} is wrong; the file is damaged: delete it, and ` +
        'run "mia features" again, which makes what is missing',
    )
}
