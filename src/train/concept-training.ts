import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ConceptInference } from '../caption/concept-inference.ts'
import { type ConceptInfo, detectorFor, type StoredDetector } from '../caption/stored-detector.ts'
import { conceptsFromFile, frequentConcepts, leastImages } from '../data/concept-words.ts'
import { Dataset, type ImageEntry } from '../data/dataset.ts'
import { readCheckpoint, writeCheckpoint } from '../disk/checkpoint.ts'
import { readDetector, writeDetector } from '../disk/concept-files.ts'
import { conceptsFolder, featuresFolder } from '../disk/dataset-files.ts'
import { FeatureStore } from '../disk/feature-store.ts'
import { readText, writeFileAtomic } from '../disk/files.ts'
import { withLock } from '../disk/lock.ts'
import type { Engine } from '../engine/engine.ts'
import { UserError } from '../errors.ts'
import { floats, type HostValue } from '../formats/host-value.ts'
import { input } from '../graph/index.ts'
import { cast } from '../graph/ops/index.ts'
import type { ConceptDetector } from '../models/concept-detector.ts'
import { Noise } from '../nn/noise.ts'
import { toOnnx } from '../onnx/export.ts'
import type { Watch } from '../progress.ts'
import { Random } from '../random.ts'
import { counted, firstFew } from '../wording.ts'
import { averagePrecision } from './average-precision.ts'
import { startOrRestore } from './state.ts'
import { updates } from './update.ts'

export interface ConceptTrainingOptions extends Watch {
  readonly engine: Engine
  /** the dataset's folder */
  readonly data: string
  /** a file of words; without one the frequent content words of the training captions */
  readonly wordList?: string
  readonly seed: number
  readonly epochs: number
  readonly onEpoch?: (epoch: ConceptEpoch) => void
}

/** What is said of a finished epoch. */
export interface ConceptEpoch {
  readonly epoch: number
  /** mean over its steps; of those since it was resumed, where it was, and null where none was left */
  readonly loss: number | null
  readonly meanAveragePrecision: number
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

/**
 * Trains the detector of a dataset's concepts on its stored features and keeps the weights of the epoch with the best mean average precision on the
 * validation images. When `signal` aborts, a checkpoint is written, and the same call goes on from that very step; one that asks for other words,
 * another seed, or fewer epochs than are done begins anew. Throws UserError where the dataset has no features or no validation images, and where these have none of the words.
 */
export async function trainConceptDetector(options: ConceptTrainingOptions): Promise<ConceptTraining> {
  const opened = await openData(options)
  // One training at a time in the folder: two would mix their files.
  return withLock(conceptsFolder(options.data), 'concepts', () => trainOn(opened, options)).finally(() =>
    opened.store.close(),
  )
}

async function trainOn(
  { store, train, val, words }: Awaited<ReturnType<typeof openData>>,
  { engine, data, seed, epochs, onEpoch, onProgress, signal }: ConceptTrainingOptions,
): Promise<ConceptTraining> {
  const folder = conceptsFolder(data)
  const detector = detectorFor(words.length, store.header, DROPOUT)
  const recipe = { seed, words, features: store.source, images: digest(train) }
  const checkpoint = await checkpointOf(folder, recipe, epochs)
  const session = await engine.runtime.load(trainingModel(detector))
  const { state, progress } = await startOrRestore(checkpoint, [...detector.parameters.values()], seed)
  let { step, epoch, batch, best } = progress
  const save = () => writeCheckpoint(checkpoint, { step, epoch, batch, best, ...state.tensors() })
  const labels = labeller(words)
  const perEpoch = Math.ceil(train.length / IMAGES_PER_BATCH)
  let done = epoch * train.length + batch * IMAGES_PER_BATCH
  try {
    for (; epoch < epochs; epoch++, batch = 0) {
      const order = new Random(seed, epoch + 1).shuffle([...train])
      const losses: number[] = []
      for (; batch < perEpoch; batch++) {
        if (signal?.aborted) {
          await save()
          signal.throwIfAborted()
        }
        const images = order.slice(batch * IMAGES_PER_BATCH, (batch + 1) * IMAGES_PER_BATCH)
        const values = {
          features: await featuresOf(store, images),
          labels: floats([images.length, words.length], labels(images)),
        }
        step += 1
        const { loss } = await state.step(session, values, { step, seed, learningRate: LEARNING_RATE, adam: ADAM })
        losses.push(loss)
        done += images.length
        onProgress?.(done, epochs * train.length)
      }
      const { weights } = state.tensors()
      const scores = await judge(engine, { detector, weights }, store, val, words)
      if (!best || best.score < scores.meanAveragePrecision) {
        best = { epoch: epoch + 1, score: scores.meanAveragePrecision }
        await writeDetector(folder, { info: { words, features: recipe.features, ...scores }, weights })
      }
      await writeCheckpoint(checkpoint, { step, epoch: epoch + 1, batch: 0, best, ...state.tensors() })
      const loss = losses.length > 0 ? losses.reduce((a, b) => a + b) / losses.length : null
      onEpoch?.({ epoch: epoch + 1, loss, meanAveragePrecision: scores.meanAveragePrecision })
    }
  } finally {
    session.release()
  }
  const { info } = await readDetector(folder)
  const { meanAveragePrecision, averagePrecision: each } = info
  return { words: words.length, meanAveragePrecision, bestEpoch: best!.epoch, averagePrecision: each }
}

/** What a detector is trained on. */
async function openData({ data, wordList }: ConceptTrainingOptions) {
  const dataset = await Dataset.open(data)
  const store = await FeatureStore.open(featuresFolder(data))
  const [train, val] = (['train', 'val'] as const).map((split) =>
    dataset.split(split).filter(({ id }) => store.has(id)),
  ) as [ImageEntry[], ImageEntry[]]
  if (train.length === 0 || val.length === 0)
    throw new UserError(
      `Cannot train concepts on "${data}": ${train.length} training and ${val.length} validation images have features; run "mia features --data ${data}"`,
    )
  const words = wordList
    ? await conceptsFromFile(wordList, dataset.vocabulary)
    : frequentConcepts(train, dataset.vocabulary)
  if (words.length === 0)
    throw new UserError(
      `Cannot train concepts on "${data}": no content word stands in at least ${leastImages(train.length)} of the ${train.length} training images; give a list with --words`,
    )
  const judged = new Set(val.flatMap(({ tokens }) => tokens.flatMap((caption) => caption.split(' '))))
  if (!words.some((word) => judged.has(word)))
    throw new UserError(
      `Cannot train concepts on "${data}": no concept (${firstFew(words)}) stands in a caption of the ${counted(val.length, 'validation image')}, and by them the best epoch is chosen; give a list with --words that has some of their words, or prepare more pictures`,
    )
  return { store, train, val, words }
}

/**
 * The path of a training's checkpoint. `training.json` beside it says which training that is: the checkpoint of another one goes, and that of a
 * training which has done more epochs than are asked for.
 */
async function checkpointOf(folder: string, recipe: object, epochs: number): Promise<string> {
  const [training, checkpoint] = [join(folder, 'training.json'), join(folder, 'checkpoint.safetensors')]
  const text = `${JSON.stringify({ format: 'mia-concept-training/1', ...recipe }, null, 2)}\n`
  const same = existsSync(training) && (await readText(training, 'concept training')) === text
  if (same && existsSync(checkpoint) && (await readCheckpoint(checkpoint)).epoch <= epochs) return checkpoint
  await rm(checkpoint, { force: true })
  await writeFileAtomic(training, text)
  return checkpoint
}

/** Changes with the images and their captions. */
function digest(images: readonly ImageEntry[]): string {
  const hash = createHash('sha256')
  for (const { id, tokens } of images) hash.update(`${JSON.stringify([id, tokens])}\n`)
  return hash.digest('hex')
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

async function featuresOf(store: FeatureStore, images: readonly ImageEntry[]): Promise<HostValue> {
  const data = await store.read(images.map(({ id }) => id))
  return { dtype: 'float16', shape: [images.length, store.regions, store.size], data }
}

/** Average precision of every word that some of the images have. */
async function judge(
  engine: Engine,
  { detector, weights }: { detector: ConceptDetector; weights: StoredDetector['weights'] },
  store: FeatureStore,
  images: readonly ImageEntry[],
  words: readonly string[],
): Promise<Pick<ConceptInfo, 'meanAveragePrecision' | 'averagePrecision'>> {
  const inference = await ConceptInference.load(engine.runtime, detector, weights, 1)
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
