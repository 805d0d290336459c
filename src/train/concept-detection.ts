import { ConceptInference } from '../caption/concept-inference.ts'
import { detectorDigest, detectorFor } from '../caption/stored-detector.ts'
import { Dataset } from '../data/dataset.ts'
import { type DetectedConcepts, readDetector, writeConcepts } from '../disk/concept-files.ts'
import { conceptsFile, conceptsFolder, featuresFolder } from '../disk/dataset-files.ts'
import { FeatureStore } from '../disk/feature-store.ts'
import { amongShards } from '../disk/shard-results.ts'
import { ALONE } from '../distributed/communicator.ts'
import { amongRanks, type Part, shareIn } from '../distributed/sharing.ts'
import { Team } from '../distributed/team.ts'
import type { Engine } from '../engine/engine.ts'
import { UserError } from '../errors.ts'
import type { Watch } from '../progress.ts'
import { describeSource } from '../vision/index.ts'
import { counted } from '../wording.ts'

const IMAGES_PER_BATCH = 64

/** What detectConcepts() detected. */
export interface Detection {
  /** number of images */
  readonly images: number
  /** concepts of each image */
  readonly count: number
  /** words that the detector knows */
  readonly words: number
  /** the most regions that an image has */
  readonly regions: number
}

/** The dataset whose concepts are detected, and how many of each image; progress is in images. */
export interface DetectionOptions extends Watch {
  readonly engine: Engine
  /** the dataset's folder */
  readonly data: string
  /**
   * concepts of each image; by default as many as regions, as in the paper, or all words if the detector knows fewer
   */
  readonly count?: number
}

/**
 * Detects the most confident concepts of every image of a dataset that has features, and writes them to
 * `concepts/concepts.jsonl`. Throws UserError if the dataset has no features or no detector, if features are damaged,
 * or if `count` exceeds the words that the detector knows.
 */
export const detectConcepts = async (options: DetectionOptions): Promise<Detection> =>
  (await detectPart(options, { team: new Team(ALONE, options.signal) }))!

/**
 * Like detectConcepts(), with the images shared out among the ranks of a team, or by `shard`. Undefined where the parts
 * are not put together: on ranks but the first, and in a shard while others are missing.
 */
export async function detectPart(
  { engine, data, count, onProgress, signal }: DetectionOptions,
  { team, shard }: { readonly team: Team; readonly shard?: Part | undefined },
): Promise<Detection | undefined> {
  const dataset = await Dataset.open(data)
  const store = await FeatureStore.open(featuresFolder(data))
  try {
    const stored = await readDetector(conceptsFolder(data))
    const { info, weights } = stored
    store.require(info.features, `the concept detector of "${data}"`)
    const { regions } = store
    const most = count ?? Math.min(regions, info.words.length)
    if (most > info.words.length)
      throw new UserError(
        `Cannot detect ${most} concepts of an image: the detector of "${data}" (${describeSource(info.features)}) ` +
          `knows ${counted(info.words.length, 'word')}; ask for --count ${info.words.length}, or train it on more words`,
      )
    const images = dataset.images.filter(({ id }) => store.has(id))
    const detector = detectorFor(info.words.length, info.features)
    const inference = await ConceptInference.load(engine.runtime, detector, weights, most)
    const target = conceptsFile(data)
    const recipe = shard && { detector: await detectorDigest(stored), most, images: images.map(({ id }) => id) }
    const sharing = shard ? amongShards(shard, { target, recipe, signal }) : amongRanks(team)
    const { start, end } = shareIn(sharing, images.length, IMAGES_PER_BATCH)
    const detect = async (signal: AbortSignal | undefined): Promise<DetectedConcepts[]> => {
      const concepts: DetectedConcepts[] = []
      for (let first = start; first < end; first += IMAGES_PER_BATCH) {
        signal?.throwIfAborted()
        const batch = images.slice(first, Math.min(end, first + IMAGES_PER_BATCH))
        const found = await inference.best(await store.read(batch.map(({ id }) => id)))
        for (const [i, { id }] of batch.entries()) concepts.push({ id, ...rowOf(found, i, most, info.words) })
        onProgress?.(first - start + batch.length, end - start)
      }
      return concepts
    }
    const parts = await sharing.collect(detect).finally(() => inference.release())
    if (!parts) return undefined
    await writeConcepts(target, stored, parts.flat())
    await sharing.finish()
    return { images: images.length, count: most, words: info.words.length, regions }
  } finally {
    await store.close()
  }
}

/** The words of one image and their confidence, to four digits. */
function rowOf(
  found: { readonly words: Int32Array; readonly scores: Float32Array },
  row: number,
  most: number,
  names: readonly string[],
): Pick<DetectedConcepts, 'words' | 'scores'> {
  const [start, end] = [row * most, (row + 1) * most]
  return {
    words: Array.from(found.words.subarray(start, end), (word) => names[word]!),
    scores: Array.from(found.scores.subarray(start, end), (score) => Number(score.toFixed(4))),
  }
}
