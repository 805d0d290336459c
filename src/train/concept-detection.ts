import { ConceptInference } from '../caption/concept-inference.ts'
import { detectorFor } from '../caption/stored-detector.ts'
import { Dataset } from '../data/dataset.ts'
import { type DetectedConcepts, readDetector } from '../disk/concept-files.ts'
import { conceptsFile, conceptsFolder, featuresFolder } from '../disk/dataset-files.ts'
import { FeatureStore } from '../disk/feature-store.ts'
import { writeFileAtomic } from '../disk/files.ts'
import type { Engine } from '../engine/engine.ts'
import { UserError } from '../errors.ts'
import type { Watch } from '../progress.ts'
import { describeSource } from '../vision/index.ts'
import { counted } from '../wording.ts'

const IMAGES_PER_BATCH = 64

/** What was found: `count` of the detector's `words` for each image, which has `regions` regions or fewer. */
export interface Detection {
  readonly images: number
  readonly count: number
  readonly words: number
  readonly regions: number
}

/**
 * Finds the `count` most confident concepts of every image of a dataset that has features, and writes them to `concepts/concepts.jsonl`. By default it is
 * as many as regions, as in the paper, or all that the detector knows, if these are fewer: a small data set has few words. Throws UserError for a
 * `count` above that.
 */
export async function detectConcepts({
  engine,
  data,
  count,
  onProgress,
  signal,
}: { engine: Engine; data: string; count?: number } & Watch): Promise<Detection> {
  const dataset = await Dataset.open(data)
  const store = await FeatureStore.open(featuresFolder(data))
  const { info, weights } = await readDetector(conceptsFolder(data))
  store.require(info.features, `the concept detector of "${data}"`)
  const { regions } = store
  const most = count ?? Math.min(regions, info.words.length)
  if (most > info.words.length)
    throw new UserError(
      `Cannot find ${most} concepts of an image: the detector of "${data}" (${describeSource(info.features)}) knows ${counted(info.words.length, 'word')}; ask for --count ${info.words.length}, or train it on more words`,
    )
  const inference = await ConceptInference.load(
    engine.runtime,
    detectorFor(info.words.length, info.features),
    weights,
    most,
  )
  const images = dataset.images.filter(({ id }) => store.has(id))
  const lines: string[] = []
  for (let start = 0; start < images.length; start += IMAGES_PER_BATCH) {
    signal?.throwIfAborted()
    const batch = images.slice(start, start + IMAGES_PER_BATCH)
    const { words, scores } = await inference.best(await store.read(batch.map(({ id }) => id)))
    for (const [i, { id }] of batch.entries())
      lines.push(JSON.stringify(detected(id, i, most, info.words, { words, scores })))
    onProgress?.(start + batch.length, images.length)
  }
  inference.release()
  await store.close()
  await writeFileAtomic(conceptsFile(data), lines.map((line) => `${line}\n`).join(''))
  return { images: images.length, count: most, words: info.words.length, regions }
}

function detected(
  id: string,
  row: number,
  most: number,
  names: readonly string[],
  found: { words: Int32Array; scores: Float32Array },
): DetectedConcepts {
  const [start, end] = [row * most, (row + 1) * most]
  return {
    id,
    words: Array.from(found.words.subarray(start, end), (word) => names[word]!),
    scores: Array.from(found.scores.subarray(start, end), (score) => Number(score.toFixed(4))),
  }
}
