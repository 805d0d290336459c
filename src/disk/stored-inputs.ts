import type { ImageInputs } from '../caption/caption-all.ts'
import { UserError } from '../errors.ts'
import type { Vocabulary } from '../text/vocabulary.ts'
import { type DetectedConcepts, readConcepts } from './concept-files.ts'
import type { FeatureStore } from './feature-store.ts'

/** The ids in the caption vocabulary of an image's concepts. Throws UserError for a word that is not in it. */
export function conceptIds(
  vocabulary: Vocabulary,
  { id, words }: Pick<DetectedConcepts, 'id' | 'words'>,
  count: number,
): number[] {
  if (words.length < count)
    throw new UserError(
      `Cannot use the concepts of image "${id}": it has ${words.length}, the model takes ${count}; run "mia concepts detect --count ${count}", or train with --concepts ${words.length}`,
    )
  return words.slice(0, count).map((word) => vocabulary.id(word))
}

/** The inputs of a dataset's images. */
export interface StoredInputs extends ImageInputs {
  has(id: string): boolean
  /** how many regions an image has */
  regions(id: string): number
  /** features padded to `regions` `[n, regions, F]`, at least as many as the image of most; by default to those of the whole dataset */
  features(ids: readonly string[], regions?: number): Promise<Uint16Array>
}

/** The inputs of a dataset's images as they are stored; without a concepts file images have no concepts, and the model must take none. */
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
