import { indexFile } from '../disk/feature-index.ts'
import { mergeFeatureParts, openFeaturePart } from '../disk/feature-parts.ts'
import { FeatureWriter } from '../disk/feature-writer.ts'
import { amongShards } from '../disk/shard-results.ts'
import type { Communicator } from '../distributed/communicator.ts'
import { barrier } from '../distributed/messages.ts'
import { amongRanks, type Part, shareIn } from '../distributed/sharing.ts'
import { Team } from '../distributed/team.ts'
import type { Extraction, FeatureSink, FeatureSource, ImageFile } from '../vision/index.ts'

/** The images of a dataset whose features are extracted, and by whom. */
export interface ExtractTogetherOptions {
  /** the dataset's folder of features */
  readonly folder: string
  readonly source: FeatureSource
  readonly images: readonly ImageFile[]
  readonly ranks: Communicator
  readonly shard: Part | undefined
  readonly signal: AbortSignal
}

/** A part of the images, and where its features are stored. */
export interface ExtractPart {
  readonly images: readonly ImageFile[]
  readonly store: FeatureSink
  readonly signal: AbortSignal
}

/**
 * Extracts the features of a dataset's images with `extract`, shared out among ranks or shards, and stores them in its
 * folder. Returns the outcome of all parts where they are put together, and undefined elsewhere.
 */
export async function extractTogether(
  { folder, source, images, ranks, shard, signal }: ExtractTogetherOptions,
  extract: (part: ExtractPart) => Promise<Extraction>,
): Promise<Extraction | undefined> {
  const recipe = shard && { source, images: images.map(({ id }) => id) }
  const sharing = shard
    ? amongShards(shard, { target: indexFile(folder), recipe, signal })
    : amongRanks(new Team(ranks, signal))
  const { parts } = sharing.part
  // what an interrupted job left, perhaps one with another number of ranks
  if (!shard && ranks.rank === 0) await mergeFeatureParts(folder, source)
  await barrier(ranks)
  const { start, end } = shareIn(sharing, images.length, 1)
  const done = await sharing.collect(async (own = signal) => {
    const store = await (parts > 1 ? openFeaturePart(folder, sharing.part, source) : FeatureWriter.open(folder, source))
    // closing keeps finished features, after an interruption too
    return extract({ images: images.slice(start, end), store, signal: own }).finally(() => store.close())
  })
  if (!done) return undefined
  if (parts > 1) await mergeFeatureParts(folder, source)
  await sharing.finish()
  const total = (of: 'made' | 'kept'): number => done.reduce((sum, each) => sum + each[of], 0)
  return { made: total('made'), kept: total('kept'), skipped: done.flatMap(({ skipped }) => skipped) }
}
