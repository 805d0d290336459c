import * as v from 'valibot'
import { UserError } from '../errors.ts'
import { toFloat16 } from '../formats/float16.ts'
import type { TensorData } from '../formats/safetensors.ts'
import { sha256 } from '../formats/sha256.ts'
import { ConceptDetector, type ConceptDetectorConfig } from '../models/concept-detector.ts'
import { validate } from '../validate.ts'
import { FEATURE_SOURCE_SCHEMA, type FeatureSource, hasBoxes } from '../vision/feature-source.ts'
import { type Weights, weightsOf } from './weights.ts'

const SCHEMA = v.object({
  format: v.literal('mia-concepts/1'),
  words: v.array(v.string()),
  features: FEATURE_SOURCE_SCHEMA,
  /** mean average precision on the validation images, and each word's */
  meanAveragePrecision: v.number(),
  averagePrecision: v.record(v.string(), v.number()),
  /**
   * the share of training images whose captions have each word, in the order of the words; older detectors
   * have none
   */
  imageShares: v.optional(v.array(v.pipe(v.number(), v.minValue(0), v.maxValue(1)))),
})

/** A concept detector's vocabulary, the features that it reads, and its validation scores. */
export type ConceptInfo = Omit<v.InferOutput<typeof SCHEMA>, 'format'>

/** A trained concept detector. */
export interface StoredDetector {
  readonly info: ConceptInfo
  readonly weights: Weights
}

/** The detector's model for features of that kind. */
export const detectorFor = (vocabularySize: number, source: FeatureSource, dropout = 0): ConceptDetector =>
  new ConceptDetector({
    vocabularySize,
    regions: source.regions,
    paddedRegions: hasBoxes(source),
    featureSize: source.size,
    dropout,
  } satisfies ConceptDetectorConfig)

const ADVICE = 'train it again with "mia concepts train"'

/**
 * A detector from the parsed JSON of one file and the tensors of one, perhaps the same; the paths name them in errors.
 * Throws UserError if one is damaged, or, naming both, if they do not belong together.
 */
export function parseDetector(
  json: { readonly value: unknown; readonly path: string },
  weights: { readonly tensors: ReadonlyMap<string, TensorData>; readonly path: string },
): StoredDetector {
  const { format: _, ...info } = validate(SCHEMA, json.value, json.path, ADVICE)
  const { words, imageShares } = info
  if (imageShares && imageShares.length !== words.length)
    throw new UserError(
      `Cannot read "${json.path}": imageShares has ${imageShares.length} numbers and should have one for each of the ` +
        `${words.length} words; ${ADVICE}`,
    )
  const { parameters } = detectorFor(info.words.length, info.features)
  const advice = json.path === weights.path ? ADVICE : `its words and features are those of "${json.path}"; ${ADVICE}`
  return { info, weights: weightsOf(weights.tensors, parameters, `concept detector "${weights.path}"`, advice) }
}

/** A detector's description as the JSON that parseDetector() reads. */
export const formatDetector = (info: ConceptInfo): string =>
  `${JSON.stringify({ format: 'mia-concepts/1', ...info }, null, 2)}\n`

/**
 * The identity of a detector: a hash (SHA-256, hexadecimal) of its words and of its weights rounded to float16, so that
 * a detector and its packed copy are the same.
 */
export async function detectorDigest({ info, weights }: StoredDetector): Promise<string> {
  const tensors = [...weights].sort(([a], [b]) => (a < b ? -1 : 1))
  const shapes = tensors.map(([name, { shape }]) => [name, shape])
  const halves = tensors.map(([, { data }]) => new Uint8Array(toFloat16(data as Float32Array).buffer))
  return sha256(new TextEncoder().encode(JSON.stringify([info.words, shapes])), ...halves)
}
