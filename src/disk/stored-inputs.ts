import type { ImageInputs } from '../caption/caption-all.ts'
import { UserError } from '../errors.ts'
import type { Vocabulary } from '../text/vocabulary.ts'
import { type DetectedConcepts, readConcepts } from './concept-files.ts'
import type { FeatureStore } from './feature-store.ts'

/** Returns the word ids of an image's `count` most confident concepts. Throws UserError if the image has fewer. */
export function conceptIds(
  vocabulary: Vocabulary,
  { id, words }: Pick<DetectedConcepts, 'id' | 'words'>,
  count: number,
): number[] {
  if (words.length < count)
    throw new UserError(
      `Cannot use the concepts of image "${id}": it has ${words.length}, the model takes ${count}; ` +
        `run "mia concepts detect --count ${count}", or train with --concepts ${words.length}`,
    )
  return words.slice(0, count).map((word) => vocabulary.id(word))
}

/** The stored features and concepts of a dataset's images. */
export interface StoredInputs extends ImageInputs {
  /** Whether an image has all that a model needs. */
  has(id: string): boolean
  /** The number of regions of an image. */
  regions(id: string): number
  /** Features `[ids, regions, F]`, float16 bits, padded with zeros; `regions` is by default the most of the dataset. */
  features(ids: readonly string[], regions?: number): Promise<Uint16Array>
}

/**
 * Opens the inputs of a dataset's images. `concepts` names the file of concepts, the vocabulary that their ids are from
 * and the number for each image; models without concepts leave it out. Throws UserError if the file is missing or
 * damaged, or an image has too few concepts.
 */
export async function storedInputs(
  store: FeatureStore,
  concepts: { path: string; vocabulary: Vocabulary; count: number } | undefined,
): Promise<StoredInputs> {
  const detected = concepts && (await readConcepts(concepts.path))
  const ids =
    detected &&
    new Map([...detected].map(([id, entry]) => [id, conceptIds(concepts.vocabulary, entry, concepts.count)]))
  return {
    has: (id) => store.has(id) && (!ids || ids.has(id)),
    regions: (id) => store.count(id),
    features: (images, regions) => store.read(images, regions),
    concepts: (images) => {
      const count = concepts?.count ?? 0
      const all = new Int32Array(images.length * count)
      if (ids) for (const [i, id] of images.entries()) all.set(ids.get(id)!, i * count)
      return all
    },
  }
}
