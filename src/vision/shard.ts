import { join } from 'node:path'
import { UserError } from '../errors.ts'
import { SafetensorsFile, writeSafetensors } from '../runtime/safetensors-file.ts'
import type { Shard } from './feature-index.ts'

/** A shard holds one tensor, `features` [images, regions, size]; it repeats the images' ids, so that no other file can stand in for it. */
const tensor = 'features'

interface RegionSizes {
  readonly regions: number
  readonly size: number
}

export async function writeShard(
  folder: string,
  shard: Shard,
  { regions, size }: RegionSizes,
  data: Uint16Array,
): Promise<void> {
  const features = { dtype: 'F16', shape: [shard.ids.length, regions, size], data } as const
  await writeSafetensors(join(folder, shard.file), [[tensor, features]], { ids: JSON.stringify(shard.ids) })
}

/** Throws UserError, with what to do, if the shard is missing, damaged or not the one that the index means. */
export async function openShard(
  folder: string,
  shard: Shard,
  { regions, size }: RegionSizes,
): Promise<SafetensorsFile> {
  const advice = 'run "mia features" again: it makes what is missing'
  const file = await SafetensorsFile.open(join(folder, shard.file), 'features').catch((error) => {
    throw error instanceof UserError ? new UserError(`${error.message}; ${advice}`) : error
  })
  const { dtype, shape } = file.entries.get(tensor) ?? {}
  const fits = dtype === 'F16' && shape?.join() === [shard.ids.length, regions, size].join()
  if (fits && file.metadata.ids === JSON.stringify(shard.ids)) return file
  await file.close()
  throw new UserError(
    `Cannot read features "${join(folder, shard.file)}": it does not hold the images that the index says; ${advice}`,
  )
}

/** Reads one image's features, [regions, size]. */
export const readShard = (file: SafetensorsFile, row: number, into: Uint16Array): Promise<void> =>
  file.readRows(tensor, row, into)
