import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { detectorFor } from '../caption/stored-detector.ts'
import { conceptsFromFile, frequentConcepts, imageCounts, leastImages } from '../data/concept-words.ts'
import { Dataset, type ImageEntry } from '../data/dataset.ts'
import { readCheckpoint } from '../disk/checkpoint.ts'
import { readDetector, writeDetector } from '../disk/concept-files.ts'
import { conceptsFolder, featuresFolder } from '../disk/dataset-files.ts'
import { FeatureStore } from '../disk/feature-store.ts'
import { readText, writeFileAtomic } from '../disk/files.ts'
import { withLock } from '../disk/lock.ts'
import type { Engine } from '../engine/engine.ts'
import type { Session } from '../engine/session.ts'
import { UserError } from '../errors.ts'
import { input } from '../graph/index.ts'
import type { ConceptDetector } from '../models/concept-detector.ts'
import { featuresInput } from '../models/inputs.ts'
import { Noise } from '../nn/noise.ts'
import { toOnnx } from '../onnx/export.ts'
import type { Watch } from '../progress.ts'
import { Random } from '../random.ts'
import { counted, firstFew } from '../wording.ts'
import {
  type ConceptData,
  type ConceptValidation,
  collateConcepts,
  IMAGES_PER_BATCH,
  labelLogLikelihood,
  validateDetector,
} from './concept-validation.ts'
import { imagesDigest } from './data-identity.ts'
import { runTraining, type TrainingTask } from './loop.ts'
import { startOrRestore } from './state.ts'
import { updates } from './update.ts'

/** The inputs of trainConceptDetector(), and its callbacks; progress is in images. */
export interface ConceptTrainingOptions extends Watch {
  readonly engine: Engine
  /** the dataset's folder */
  readonly data: string
  /** path of a list of words; without one, the frequent content words of the training captions */
  readonly wordList?: string
  readonly seed: number
  readonly epochs: number
  readonly onEpoch?: (epoch: ConceptEpoch) => void
}

/** The report of a finished epoch. */
export interface ConceptEpoch {
  /** the epoch, counted from 1 */
  readonly epoch: number
  /** mean loss of its steps since the last resume; null if there were none */
  readonly loss: number | null
  readonly meanAveragePrecision: number
  /** whether its weights are the best so far, and were kept */
  readonly best: boolean
  /**
   * mean log-likelihood of the labels of a validation image in nats; present if the mean average precision equals that
   * of the best epoch, where this number decides which is better
   */
  readonly logLikelihood?: number
}

/** A trained detector. */
export interface ConceptTraining {
  /** number of words that it detects */
  readonly words: number
  readonly meanAveragePrecision: number
  /** the epoch of its weights, counted from 1 */
  readonly bestEpoch: number
  /** the log-likelihood of ConceptEpoch, if other epochs had the same mean average precision */
  readonly logLikelihood?: number
  /** each word's average precision on the validation images, the best first */
  readonly averagePrecision: Readonly<Record<string, number>>
}

const LEARNING_RATE = 3e-4
const DROPOUT = 0.5
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }

/**
 * Trains the detector of a dataset's concepts on its stored features. The weights with the best mean average precision
 * on the validation images are kept; if epochs have the same, those that give the labels of the validation images the
 * higher log-likelihood. If `signal` aborts, a checkpoint is written and the promise rejects with the signal's reason:
 * the same call resumes from that very step. A call with other words, another seed, or fewer epochs than are done
 * starts over. Throws UserError if the dataset has no features or no validation images, if these have none of the
 * words, if features are damaged, and if the loss is not finite.
 */
export async function trainConceptDetector(options: ConceptTrainingOptions): Promise<ConceptTraining> {
  const { data } = options
  const dataset = await Dataset.open(data)
  const store = await FeatureStore.open(featuresFolder(data))
  try {
    const images = await selectImages(dataset, store, options)
    // Two trainings at once would mix their files.
    return await withLock(conceptsFolder(data), 'concepts', () => trainOn(store, images, options))
  } finally {
    await store.close()
  }
}

/** The images of a training, and the words to detect. */
interface Selection {
  readonly train: readonly ImageEntry[]
  readonly val: readonly ImageEntry[]
  readonly words: readonly string[]
}

async function trainOn(
  store: FeatureStore,
  { train, val, words }: Selection,
  { engine, data, seed, epochs, onEpoch, onProgress, signal }: ConceptTrainingOptions,
): Promise<ConceptTraining> {
  const folder = conceptsFolder(data)
  const detector = detectorFor(words.length, store.header, DROPOUT)
  const recipe = { seed, words, features: store.source, images: imagesDigest(train) }
  const checkpoint = await checkpointOf(folder, recipe, epochs)
  const start = await startOrRestore(checkpoint, [...detector.parameters.values()], seed)
  const session = await engine.runtime.load(trainingModel(detector))
  try {
    const common = { engine, detector, checkpoint, session, seed, epochs, onProgress }
    const task = detectorTask({ ...common, train, val: { store, images: val, words, signal }, folder })
    const { best } = await runTraining(task, start, {
      signal,
      onEpoch: ({ epoch, loss, validation: { meanAveragePrecision }, best, logLikelihood }) =>
        onEpoch?.({ epoch, loss, meanAveragePrecision, best, ...(logLikelihood !== undefined && { logLikelihood }) }),
    })
    const { meanAveragePrecision, averagePrecision } = (await readDetector(folder)).info
    const { epoch: bestEpoch, logLikelihood } = best!
    const decided = logLikelihood === undefined ? {} : { logLikelihood }
    return { words: words.length, meanAveragePrecision, bestEpoch, ...decided, averagePrecision }
  } finally {
    session.release()
  }
}

interface TaskParts extends Pick<ConceptTrainingOptions, 'engine' | 'seed' | 'epochs'> {
  readonly detector: ConceptDetector
  readonly train: readonly ImageEntry[]
  readonly val: ConceptData
  readonly session: Session
  readonly checkpoint: string
  /** where the detector is kept */
  readonly folder: string
  readonly onProgress: Watch['onProgress']
}

/** A detector's part of the training loop; a batch is a list of images. */
function detectorTask({
  engine: { runtime },
  detector,
  train,
  val,
  session,
  checkpoint,
  folder,
  seed,
  epochs,
  onProgress,
}: TaskParts): TrainingTask<readonly ImageEntry[], ConceptValidation> {
  const { store, words } = val
  const stepsPerEpoch = Math.ceil(train.length / IMAGES_PER_BATCH)
  const imageShares = sharesOf(words, train)
  return {
    parameters: [...detector.parameters.values()],
    epochs,
    seed,
    adam: ADAM,
    emaDecay: 0,
    checkpoint,
    advice: 'make the features again with "mia features"',
    learningRate: () => LEARNING_RATE,
    batches: (epoch) => {
      const order = new Random(seed, epoch + 1).shuffle([...train])
      return Array.from({ length: stepsPerEpoch }, (_, i) =>
        order.slice(i * IMAGES_PER_BATCH, (i + 1) * IMAGES_PER_BATCH),
      )
    },
    describe: (images) => `images ${firstFew(images.map(({ id }) => id))}`,
    collate: (images) => collateConcepts(images, { store, words }),
    prepare: async (_, values) => ({ session, values }),
    validate: (weights) => validateDetector(runtime, detector, weights, val),
    logLikelihood: (weights) => labelLogLikelihood(runtime, detector, weights, val),
    keep: (weights, { meanAveragePrecision, averagePrecision }) => {
      const info = { words: [...words], features: store.source, meanAveragePrecision, averagePrecision, imageShares }
      return writeDetector(folder, { info, weights })
    },
    kept: async () => (await readDetector(folder)).weights,
    onStep: ({ step }) => {
      const [epoch, batch] = [Math.floor(step / stepsPerEpoch), step % stepsPerEpoch]
      onProgress?.(epoch * train.length + batch * IMAGES_PER_BATCH, epochs * train.length)
    },
  }
}

/**
 * Selects the images that have features, and the words. Throws UserError if they leave nothing to train or validate on.
 */
async function selectImages(
  dataset: Dataset,
  store: FeatureStore,
  { data, wordList }: Pick<ConceptTrainingOptions, 'data' | 'wordList'>,
): Promise<Selection> {
  const [train, val] = (['train', 'val'] as const).map((split) =>
    dataset.split(split).filter(({ id }) => store.has(id)),
  ) as [ImageEntry[], ImageEntry[]]
  if (train.length === 0 || val.length === 0)
    throw new UserError(
      `Cannot train concepts on "${data}": ${train.length} training and ${val.length} validation images have features; ` +
        `run "mia features --data ${data}"`,
    )
  const words = wordList
    ? await conceptsFromFile(wordList, dataset.vocabulary)
    : frequentConcepts(train, dataset.vocabulary)
  if (words.length === 0)
    throw new UserError(
      `Cannot train concepts on "${data}": no content word occurs in the captions of at least ` +
        `${leastImages(train.length)} of the ${train.length} training images; give a list with --words`,
    )
  const validated = new Set(val.flatMap(({ tokens }) => tokens.flatMap((caption) => caption.split(' '))))
  if (!words.some((word) => validated.has(word)))
    throw new UserError(
      `Cannot train concepts on "${data}": no concept (${firstFew(words)}) occurs in a caption of the ` +
        `${counted(val.length, 'validation image')}, which choose the best epoch; give a list with --words that has ` +
        'some of their words, or prepare more pictures',
    )
  return { train, val, words }
}

/**
 * The path of the checkpoint. `training.json` next to it says which training it belongs to; the checkpoint of another
 * training is deleted, and so is one with more epochs than are asked for.
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

/** The share of images whose captions have each word. */
function sharesOf(words: readonly string[], images: readonly ImageEntry[]): number[] {
  const counts = imageCounts(images)
  return words.map((word) => Number(((counts.get(word) ?? 0) / images.length).toFixed(6)))
}

function trainingModel(detector: ConceptDetector): Uint8Array {
  const features = featuresInput(detector.config)
  const noise = new Noise(input('seed', [], 'int32'), input('step', [], 'int32'))
  const loss = detector.loss(features, input('labels', ['B', detector.config.vocabularySize]), noise)
  return toOnnx(updates([...detector.parameters.values()], loss, { adam: ADAM, clipping: { kind: 'none' } }))
}
