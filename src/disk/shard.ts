import { join } from 'node:path'
import { UserError } from '../errors.ts'
import type { TensorData } from '../formats/safetensors.ts'
import { type RegionPart, type Regions, regionPartNames, regionParts } from '../vision/regions.ts'
import type { Shard } from './feature-index.ts'
import { SafetensorsFile, writeSafetensors } from './safetensors-file.ts'

/*
 * A shard holds the tensor `features`: [images, regions, size] for grids, [rows, size] for boxes, the boxes of one picture after those of the
 * other, with `boxes` [rows, 4], `labels` and `scores` [rows] where they are known. It repeats the images' ids, so that no other file can stand
 * in for it.
 */

interface RegionSizes {
  readonly regions: number
  readonly size: number
}

/** How many regions each picture of a shard has. */
const countsOf = ({ ids, counts }: Shard, { regions }: RegionSizes): readonly number[] =>
  counts ?? ids.map(() => regions)

/** Where each picture's regions begin in a shard, and how many they are. */
export function rowsOf(shard: Shard, sizes: RegionSizes): { first: number; count: number }[] {
  let next = 0
  return countsOf(shard, sizes).map((count) => {
    next += count
    return { first: next - count, count }
  })
}

const featuresShape = (shard: Shard, { regions, size }: RegionSizes): number[] =>
  shard.counts ? [shard.counts.reduce((a, b) => a + b, 0), size] : [shard.ids.length, regions, size]

export async function writeShard(
  folder: string,
  shard: Shard,
  sizes: RegionSizes,
  pictures: readonly Regions[],
): Promise<void> {
  const shape = featuresShape(shard, sizes)
  const data = new Uint16Array(shape.reduce((a, b) => a * b, 1))
  fill(
    data,
    pictures.map(({ features }) => features),
  )
  const tensors: [string, TensorData][] = [['features', { dtype: 'F16', shape, data }]]
  for (const name of regionPartNames) {
    const parts = pictures.map((picture) => picture[name])
    if (parts.some((part) => part === undefined)) continue // some pictures' are not known
    const { dtype, width, make } = regionParts[name]
    const all = make(shape[0]! * width)
    fill(all, parts as readonly (typeof all)[])
    tensors.push([name, { dtype, shape: width === 1 ? [shape[0]!] : [shape[0]!, width], data: all }])
  }
  await writeSafetensors(join(folder, shard.file), tensors, { ids: JSON.stringify(shard.ids) })
}

function fill<T extends { set(values: T, at: number): void; readonly length: number }>(
  into: T,
  parts: readonly T[],
): void {
  let at = 0
  for (const part of parts) {
    into.set(part, at)
    at += part.length
  }
}

/** Throws UserError, with what to do, if the shard is missing, damaged or not the one that the index means. */
export async function openShard(folder: string, shard: Shard, sizes: RegionSizes): Promise<SafetensorsFile> {
  const advice = 'run "mia features" again: it makes what is missing'
  const file = await SafetensorsFile.open(join(folder, shard.file), 'features').catch((error) => {
    throw error instanceof UserError ? new UserError(`${error.message}; ${advice}`) : error
  })
  const { dtype, shape } = file.entries.get('features') ?? {}
  const fits = dtype === 'F16' && shape?.join() === featuresShape(shard, sizes).join()
  if (fits && file.metadata.ids === JSON.stringify(shard.ids)) return file
  await file.close()
  throw new UserError(
    `Cannot read features "${join(folder, shard.file)}": it does not hold the images that the index says; ${advice}`,
  )
}

/** Reads one image's features; of a grid's shard `first` is the image's place, of boxes its first row. */
export const readFeatures = (file: SafetensorsFile, first: number, into: Uint16Array): Promise<void> =>
  file.readRows('features', first, into)

/** Reads one part of `count` boxes; undefined where the shard has none. */
export async function readPart(
  file: SafetensorsFile,
  name: RegionPart,
  first: number,
  count: number,
): Promise<Float32Array | Int32Array | undefined> {
  if (!file.entries.has(name)) return undefined
  const { width, make } = regionParts[name]
  const into = make(count * width)
  await file.readRows(name, first, into)
  return into
}
