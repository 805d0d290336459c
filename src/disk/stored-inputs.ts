import { dirname } from 'node:path'
import type { ImageInputs } from '../caption/caption-all.ts'
import { conceptValues } from '../caption/concept-values.ts'
import type { StoredDetector } from '../caption/stored-detector.ts'
import { UserError } from '../errors.ts'
import { type ConceptForm, conceptInput } from '../models/concept-input.ts'
import type { Vocabulary } from '../text/vocabulary.ts'
import { type DetectedConcepts, isFromDetector, readConcepts } from './concept-files.ts'
import type { FeatureStore } from './feature-store.ts'
import { runFiles } from './run.ts'

/** Returns an image's most confident concepts as a model takes them. Throws UserError if the image has too few. */
export function conceptIds(
  vocabulary: Vocabulary,
  { id, words, scores }: DetectedConcepts,
  model: ConceptForm & { readonly concepts: number },
): number[] {
  const count = model.concepts
  if (words.length < count)
    throw new UserError(
      `Cannot use the concepts of image "${id}": it has ${words.length}, the model takes ${count}; ` +
        `run "mia concepts detect --count ${count}", or train with --concepts ${words.length}`,
    )
  return words.slice(0, count).map((word, i) => conceptInput(vocabulary.id(word), scores[i]!, model))
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

/** Which concepts a model takes. */
export interface ConceptsOptions {
  /** the file of the detected concepts */
  readonly path: string
  /** the vocabulary that the ids of the concepts are from */
  readonly vocabulary: Vocabulary
  /** the model that takes them */
  readonly model: ConceptForm & { readonly concepts: number }
  /** the run whose model takes them, and its detector, which must have found them */
  readonly run?: { readonly name: string; readonly detector: StoredDetector }
}

/**
 * Opens the inputs of a dataset's images. Models without concepts leave `concepts` out. Throws UserError if the file of
 * concepts is missing or damaged, if another detector than the run's found them, or if an image has too few.
 */
export async function storedInputs(store: FeatureStore, concepts: ConceptsOptions | undefined): Promise<StoredInputs> {
  if (concepts?.run) await requireDetector(concepts.path, concepts.run)
  const detected = concepts && (await readConcepts(concepts.path))
  const ids =
    detected &&
    new Map([...detected].map(([id, entry]) => [id, conceptIds(concepts.vocabulary, entry, concepts.model)]))
  const valuesOf = concepts?.run && conceptValues(concepts.run.detector, concepts.vocabulary)
  return {
    has: (id) => store.has(id) && (!ids || ids.has(id)),
    regions: (id) => store.count(id),
    features: (images, regions) => store.read(images, regions),
    concepts: (images) => {
      const count = concepts?.model.concepts ?? 0
      const all = new Int32Array(images.length * count)
      if (ids) for (const [i, id] of images.entries()) all.set(ids.get(id)!, i * count)
      return all
    },
    values: (images) => valuesOf && images.map((id) => valuesOf(foundIn(detected!.get(id)!))),
  }
}

const foundIn = ({ words, scores }: DetectedConcepts) => words.map((word, i) => ({ word, score: scores[i]! }))

/** Throws UserError if the concepts of a file come from another detector than the run's. */
async function requireDetector(path: string, { name, detector }: NonNullable<ConceptsOptions['run']>): Promise<void> {
  if (await isFromDetector(path, detector)) return
  const folder = dirname(path)
  throw new UserError(
    `Cannot use concepts "${path}" with the run "${name}": they come from another concept detector than the run's; ` +
      `copy the files of "${runFiles(name).concepts}" into "${folder}" and run ` +
      `"mia concepts detect --data ${dirname(folder)}", or train a new run`,
  )
}
