import { ConceptInference } from '../caption/concept-inference.ts'
import type { ConceptInfo } from '../caption/stored-detector.ts'
import type { Weights } from '../caption/weights.ts'
import type { ImageEntry } from '../data/dataset.ts'
import type { FeatureStore } from '../disk/feature-store.ts'
import { CompiledGraph } from '../engine/compiled.ts'
import { floatData, type HostValues, type Runtime } from '../engine/session.ts'
import { floats } from '../formats/host-value.ts'
import { input } from '../graph/index.ts'
import type { ConceptDetector } from '../models/concept-detector.ts'
import { featuresInput, featuresValue } from '../models/inputs.ts'
import { averagePrecision } from './average-precision.ts'
import type { Validation } from './loop.ts'

/** Images of a batch, in training and validation. */
export const IMAGES_PER_BATCH = 64

/** The validation of a concept detector; the score is the mean average precision. */
export type ConceptValidation = Validation & Pick<ConceptInfo, 'meanAveragePrecision' | 'averagePrecision'>

/** The images that a concept detector is trained or validated on. */
export interface ConceptData {
  readonly store: FeatureStore
  readonly images: readonly ImageEntry[]
  /** the concepts, in the detector's order */
  readonly words: readonly string[]
  readonly signal?: AbortSignal | undefined
}

/**
 * Reads a batch: `features` float16 `[B, R, F]`, and `labels` `[B, W]`, 1 for each word in any of an image's captions.
 */
export async function collateConcepts(
  images: readonly ImageEntry[],
  { store, words }: Pick<ConceptData, 'store' | 'words'>,
): Promise<HostValues> {
  const sizes = { regions: store.regions, featureSize: store.size }
  const features = featuresValue(sizes, await store.read(images.map(({ id }) => id)))
  return { features, labels: floats([images.length, words.length], labelsOf(images, words)) }
}

/** The average precision of every word that some of the images have, the best first, and their mean. */
export async function validateDetector(
  runtime: Runtime,
  detector: ConceptDetector,
  weights: Weights,
  { store, images, words, signal }: ConceptData,
): Promise<ConceptValidation> {
  const inference = await ConceptInference.load(runtime, detector, weights, 1)
  const scores = new Float32Array(images.length * words.length)
  try {
    for (let start = 0; start < images.length; start += IMAGES_PER_BATCH) {
      signal?.throwIfAborted()
      const batch = images.slice(start, start + IMAGES_PER_BATCH)
      scores.set(await inference.probabilities(await store.read(batch.map(({ id }) => id))), start * words.length)
    }
  } finally {
    inference.release()
  }
  const labels = labelsOf(images, words)
  const column = (matrix: Float32Array, word: number) => images.map((_, i) => matrix[i * words.length + word]!)
  const each = words.flatMap((word, i) => {
    const precision = averagePrecision(column(scores, i), column(labels, i))
    return precision === undefined ? [] : [[word, precision] as const]
  })
  each.sort(([, a], [, b]) => b - a)
  const meanAveragePrecision = each.reduce((sum, [, precision]) => sum + precision, 0) / each.length
  return { score: meanAveragePrecision, meanAveragePrecision, averagePrecision: Object.fromEntries(each) }
}

/** The mean log-likelihood of an image's labels, in nats: the detector's loss without dropout, negative. */
export async function labelLogLikelihood(
  runtime: Runtime,
  detector: ConceptDetector,
  weights: Weights,
  { images, signal, ...data }: ConceptData,
): Promise<number> {
  const loss = detector.loss(featuresInput(detector.config), input('labels', ['B', data.words.length]))
  const graph = await CompiledGraph.load(runtime, { loss }, weights)
  try {
    let total = 0
    for (let start = 0; start < images.length; start += IMAGES_PER_BATCH) {
      signal?.throwIfAborted()
      const batch = images.slice(start, start + IMAGES_PER_BATCH)
      const { loss } = await graph.run(await collateConcepts(batch, data))
      total -= floatData(loss)[0]! * batch.length
    }
    return total / images.length
  } finally {
    graph.release()
  }
}

/** 1 for each word in any of an image's captions, `[images, words]`. */
function labelsOf(images: readonly ImageEntry[], words: readonly string[]): Float32Array {
  const places = new Map(words.map((word, i) => [word, i]))
  const labels = new Float32Array(images.length * words.length)
  for (const [i, { tokens }] of images.entries())
    for (const word of tokens.flatMap((caption) => caption.split(' '))) {
      const place = places.get(word)
      if (place !== undefined) labels[i * words.length + place] = 1
    }
  return labels
}
