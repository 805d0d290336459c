import { join } from 'node:path'
import { conceptsFromFile, frequentConcepts } from '../data/concept-words.ts'
import { Dataset, type ImageEntry } from '../data/dataset.ts'
import { UserError } from '../errors.ts'
import { writeFileAtomic } from '../files.ts'
import { input } from '../graph/index.ts'
import { cast } from '../graph/ops/index.ts'
import type { ConceptDetector } from '../models/concept-detector.ts'
import { Noise } from '../nn/noise.ts'
import type { Watch } from '../progress.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { toOnnx } from '../runtime/onnx-export.ts'
import { Random } from '../runtime/random.ts'
import { floats, type Value } from '../runtime/session.ts'
import { describeSource, type FeatureSource, FeatureStore } from '../vision/index.ts'
import { averagePrecision } from './average-precision.ts'
import {
  type ConceptInfo,
  type DetectedConcepts,
  detectorFor,
  readDetector,
  type StoredDetector,
  writeDetector,
} from './concept-files.ts'
import { ConceptInference } from './concept-inference.ts'
import { TrainingState } from './state.ts'
import { updates } from './update.ts'

export interface ConceptTrainingOptions extends Watch {
  /** the dataset's folder */
  readonly data: string
  /** a file of words; without one the frequent content words of the training captions */
  readonly wordList?: string
  readonly seed: number
  readonly epochs: number
  /** called after each epoch */
  readonly onEpoch?: (epoch: { epoch: number; loss: number; meanAveragePrecision: number }) => void
}

export interface ConceptTraining {
  readonly words: number
  readonly meanAveragePrecision: number
  readonly bestEpoch: number
  /** each word's average precision on the validation images, the best first */
  readonly averagePrecision: Readonly<Record<string, number>>
}

const IMAGES_PER_BATCH = 64
const LEARNING_RATE = 3e-4
const DROPOUT = 0.5
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }

/** Where a dataset's features and concepts are. */
export const featuresFolder = (data: string): string => join(data, 'features')
export const conceptsFolder = (data: string): string => join(data, 'concepts')
export const conceptsFile = (data: string): string => join(conceptsFolder(data), 'concepts.jsonl')

/**
 * Trains the detector of a dataset's concepts on its stored features and keeps the weights of the epoch with the best mean average precision on the
 * validation images. Throws UserError where the dataset has no features or no validation images.
 */
export async function trainConceptDetector(options: ConceptTrainingOptions): Promise<ConceptTraining> {
  const { data, seed, epochs, onEpoch, onProgress, signal } = options
  const dataset = await Dataset.open(data)
  const store = await FeatureStore.open(featuresFolder(data))
  const [train, val] = (['train', 'val'] as const).map((split) =>
    dataset.split(split).filter(({ id }) => store.has(id)),
  ) as [ImageEntry[], ImageEntry[]]
  if (train.length === 0 || val.length === 0)
    throw new UserError(
      `Cannot train concepts on "${data}": ${train.length} training and ${val.length} validation images have features; run "mia features --data ${data}"`,
    )
  const words = options.wordList
    ? await conceptsFromFile(options.wordList, dataset.vocabulary)
    : frequentConcepts(train, dataset.vocabulary)
  if (words.length === 0)
    throw new UserError(
      `Cannot train concepts on "${data}": no content word is frequent enough; give a list with --words`,
    )
  const detector = detectorFor(words.length, store.header, DROPOUT)
  const session = await nodeRuntime.load(trainingModel(detector))
  const state = TrainingState.start([...detector.parameters.values()], seed)
  const labels = labeller(words)
  const total = epochs * train.length
  let [done, step] = [0, 0]
  let best: (ConceptInfo & { epoch: number }) | undefined
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const order = new Random(seed, epoch).shuffle([...train])
    let loss = 0
    for (let start = 0; start < order.length; start += IMAGES_PER_BATCH) {
      signal?.throwIfAborted()
      const images = order.slice(start, start + IMAGES_PER_BATCH)
      const batch = {
        features: await featuresOf(store, images),
        labels: floats([images.length, words.length], labels(images)),
      }
      step += 1
      const result = await state.step(session, batch, { step, seed, learningRate: LEARNING_RATE, adam: ADAM })
      loss += result.loss * images.length
      done += images.length
      onProgress?.(done, total)
    }
    const weights = new Map(
      [...state.weights].map(([name, { shape, data: numbers }]) => [
        name,
        { dtype: 'F32' as const, shape, data: numbers as Float32Array },
      ]),
    )
    const scores = await judge({ detector, weights }, store, val, words)
    onEpoch?.({ epoch, loss: loss / train.length, meanAveragePrecision: scores.meanAveragePrecision })
    if (best && best.meanAveragePrecision >= scores.meanAveragePrecision) continue
    best = { words, features: sourceOnly(store.header), ...scores, epoch }
    const { epoch: _, ...info } = best
    await writeDetector(conceptsFolder(data), { info, weights })
  }
  session.release()
  await store.close()
  const { meanAveragePrecision, averagePrecision: each, epoch: bestEpoch } = best!
  return { words: words.length, meanAveragePrecision, bestEpoch, averagePrecision: each }
}

function trainingModel(detector: ConceptDetector): Uint8Array {
  const { regions, featureSize, words } = detector.config
  const features = cast(input('features', ['B', regions, featureSize], 'float16'), 'float32')
  const noise = new Noise(input('seed', [], 'int32'), input('step', [], 'int32'))
  const loss = detector.loss(features, input('labels', ['B', words]), noise)
  return toOnnx(updates([...detector.parameters.values()], loss, { adam: ADAM, clipping: { kind: 'none' } }))
}

/** 1 for each word that stands in any of an image's captions: `[images, words]`. */
function labeller(words: readonly string[]): (images: readonly ImageEntry[]) => Float32Array {
  const place = new Map(words.map((word, i) => [word, i]))
  return (images) => {
    const labels = new Float32Array(images.length * words.length)
    for (const [i, { tokens }] of images.entries())
      for (const word of tokens.flatMap((caption) => caption.split(' '))) {
        const at = place.get(word)
        if (at !== undefined) labels[i * words.length + at] = 1
      }
    return labels
  }
}

async function featuresOf(store: FeatureStore, images: readonly ImageEntry[]): Promise<Value> {
  const data = await store.read(images.map(({ id }) => id))
  return { dtype: 'float16', shape: [images.length, store.regions, store.size], data }
}

/** Average precision of every word that some of the images have. */
async function judge(
  { detector, weights }: { detector: ConceptDetector; weights: StoredDetector['weights'] },
  store: FeatureStore,
  images: readonly ImageEntry[],
  words: readonly string[],
): Promise<Pick<ConceptInfo, 'meanAveragePrecision' | 'averagePrecision'>> {
  const inference = await ConceptInference.load(nodeRuntime, detector, weights, 1)
  const scores = new Float32Array(images.length * words.length)
  for (let start = 0; start < images.length; start += IMAGES_PER_BATCH) {
    const batch = images.slice(start, start + IMAGES_PER_BATCH)
    scores.set(await inference.probabilities(await store.read(batch.map(({ id }) => id))), start * words.length)
  }
  inference.release()
  const labels = labeller(words)(images)
  const column = (matrix: Float32Array, word: number) => images.map((_, i) => matrix[i * words.length + word]!)
  const each = words.flatMap((word, i) => {
    const precision = averagePrecision(column(scores, i), column(labels, i))
    return precision === undefined ? [] : [[word, precision] as const]
  })
  each.sort(([, a], [, b]) => b - a)
  return {
    meanAveragePrecision: each.reduce((sum, [, p]) => sum + p, 0) / each.length,
    averagePrecision: Object.fromEntries(each),
  }
}

const sourceOnly = ({ network, layer, preprocessing, regions, size }: FeatureSource): FeatureSource => ({
  network,
  layer,
  preprocessing,
  regions,
  size,
})

/** Finds the `count` most confident concepts of every image of a dataset that has features, and writes them to `concepts/concepts.jsonl`. */
export async function detectConcepts({
  data,
  count,
  onProgress,
  signal,
}: { data: string; count?: number } & Watch): Promise<{ images: number; count: number; words: number }> {
  const dataset = await Dataset.open(data)
  const store = await FeatureStore.open(featuresFolder(data))
  const { info, weights } = await readDetector(conceptsFolder(data))
  store.require(info.features, `the concept detector of "${data}"`)
  const most = count ?? store.regions
  if (most > info.words.length)
    throw new UserError(
      `Cannot find ${most} concepts of an image: the detector of "${data}" (${describeSource(info.features)}) knows ${info.words.length} words; train it on more`,
    )
  const inference = await ConceptInference.load(
    nodeRuntime,
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
  return { images: images.length, count: most, words: info.words.length }
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
