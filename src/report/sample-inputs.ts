import { type RunConfig, usesConcepts } from '../caption/run-config.ts'
import { Dataset } from '../data/dataset.ts'
import { readConcepts } from '../disk/concept-files.ts'
import { conceptsFile, featuresFolder } from '../disk/dataset-files.ts'
import { FeatureStore } from '../disk/feature-store.ts'
import { conceptIds } from '../disk/stored-inputs.ts'
import { ImageError, type Pictures, type Thumbnail } from '../engine/pictures.ts'
import type { Vocabulary } from '../text/vocabulary.ts'
import { inOrder } from '../vision/in-order.ts'

/** An image of a dataset as a page shows it: its file, and a small copy unless it cannot be read. */
export interface SampleImage {
  readonly id: string
  readonly path: string
  readonly picture: Thumbnail | undefined
  /** the detected concepts that the model gets, highest confidence first; empty for models that use no concepts */
  readonly concepts: readonly { readonly word: string; readonly score: number }[]
}

/** Some images of a dataset, and what a captioner gets of them. */
export interface SampleInputs {
  readonly images: readonly SampleImage[]
  /** float16 bits `[images, R, F]` */
  readonly features: Uint16Array
  /** concepts `[images, K]` as the model takes them */
  readonly concepts: Int32Array
}

const PICTURE_SIZE = 480
/** Pictures read at once. */
const READ_AHEAD = 4

/**
 * Reads images of the dataset in folder `data`, those that it has, with their stored features and concepts. `model`
 * is the model that takes them. Throws UserError if features or concepts are
 * missing, damaged or not of the run's kind.
 */
export async function readSampleInputs(
  pictures: Pictures,
  data: string,
  ids: readonly string[],
  { features, model, vocabulary }: SampleNeeds,
): Promise<SampleInputs> {
  const dataset = await Dataset.open(data)
  const entries = new Map(dataset.images.map((image) => [image.id, image]))
  const found = usesConcepts(model) ? await readConcepts(conceptsFile(data)) : undefined
  const store = await FeatureStore.open(featuresFolder(data))
  try {
    store.require(features, 'this run')
    const known = ids.filter((id) => entries.has(id) && store.has(id) && (!found || found.has(id)))
    const images: SampleImage[] = []
    const read = async (id: string): Promise<SampleImage> => {
      const path = dataset.imagePath(entries.get(id)!)
      const { words = [], scores = [] } = found?.get(id) ?? {}
      const listed = words.slice(0, model.concepts).map((word, i) => ({ word, score: scores[i]! }))
      return { id, path, picture: await pictureOf(pictures, path), concepts: listed }
    }
    for await (const image of inOrder(known, read, READ_AHEAD)) images.push(image)
    return {
      images,
      features: await store.read(known),
      concepts: Int32Array.from(found ? known.flatMap((id) => conceptIds(vocabulary, found.get(id)!, model)) : []),
    }
  } finally {
    await store.close()
  }
}

/** What a run needs of the images. */
export interface SampleNeeds extends Pick<RunConfig, 'features' | 'model'> {
  readonly vocabulary: Vocabulary
}

const pictureOf = (pictures: Pictures, path: string): Promise<Thumbnail | undefined> =>
  pictures.thumbnail(path, PICTURE_SIZE).catch((error: unknown) => {
    if (error instanceof ImageError) return undefined
    throw error
  })
