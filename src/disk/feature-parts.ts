// Ranks and shards write their features into folders of their own, below that of the dataset: `part-2-of-8`. Once all
// are done, or when a later call finds them, their shards are moved into the dataset's folder.
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Part } from '../distributed/sharing.ts'
import type { FeatureSource } from '../vision/feature-source.ts'
import { FeatureWriter } from './feature-writer.ts'

const PART = /^part-\d+-of-\d+$/
/** What a shard that is done leaves: see disk/shard-results.ts. */
const MARK = /^index\.json\.part-\d+-of-\d+\.json$/

/**
 * Opens the features of a part of a dataset's images; images that the dataset's folder has count as stored. Throws
 * UserError as FeatureWriter.open() does.
 */
export const openFeaturePart = (
  folder: string,
  { index, parts }: Part,
  source: FeatureSource,
): Promise<FeatureWriter> =>
  FeatureWriter.open(join(folder, `part-${index + 1}-of-${parts}`), source, { elsewhere: folder })

/**
 * Moves the features of all parts into the dataset's folder. Throws UserError if a process still writes to one, or to
 * the folder, or if a part has features of another source.
 */
export async function mergeFeatureParts(folder: string, source: FeatureSource): Promise<void> {
  const names = await readdir(folder).catch(() => [] as string[])
  const parts = names.filter((name) => PART.test(name)).sort()
  if (parts.length === 0) return
  const writer = await FeatureWriter.open(folder, source)
  try {
    for (const part of parts) await writer.take(join(folder, part))
    for (const name of names) if (MARK.test(name)) await rm(join(folder, name), { force: true })
  } finally {
    await writer.close()
  }
}
