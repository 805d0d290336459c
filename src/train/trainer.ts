import { join } from 'node:path'
import { type RunConfig, usesConcepts } from '../caption/run-config.ts'
import { weightsOf } from '../caption/weights.ts'
import { Dataset, type ImageEntry } from '../data/dataset.ts'
import type { RunProgress } from '../disk/checkpoint.ts'
import { readDetector } from '../disk/concept-files.ts'
import { conceptsFile, featuresFolder } from '../disk/dataset-files.ts'
import { FeatureStore } from '../disk/feature-store.ts'
import { writeFileAtomic } from '../disk/files.ts'
import { runFiles } from '../disk/run.ts'
import { checkSameVocabulary } from '../disk/run-folder.ts'
import { readSafetensors, writeSafetensors } from '../disk/safetensors-file.ts'
import { type StoredInputs, storedInputs } from '../disk/stored-inputs.ts'
import { ALONE, type Communicator } from '../distributed/communicator.ts'
import { shareOf } from '../distributed/shares.ts'
import { Team } from '../distributed/team.ts'
import type { Engine } from '../engine/engine.ts'
import type { HostValues } from '../engine/session.ts'
import { UserError } from '../errors.ts'
import type { CaptionModel } from '../models/contract.ts'
import { createCaptioner } from '../models/create-captioner.ts'
import type { Progress } from '../progress.ts'
import { RunLog } from '../report/run-log.ts'
import type { Vocabulary } from '../text/vocabulary.ts'
import { firstFew } from '../wording.ts'
import { partOf, placeOf } from './batch-share.ts'
import { type Batch, makeBatches } from './batches.ts'
import { type CaptionerSteps, captionerSteps } from './captioner-steps.ts'
import { Collator } from './collator.ts'
import { keepDataIdentity } from './data-identity.ts'
import type { GradientType } from './hyperparameters.ts'
import { readInitialWeights } from './initial-weights.ts'
import { type FinishedEpoch, type FinishedStep, runTraining, type TrainingTask } from './loop.ts'
import { referenceLogLikelihood } from './reference-likelihood.ts'
import { learningRateAt } from './schedule.ts'
import { shareOut, startTogether } from './share-out.ts'
import { SharedSteps } from './shared-step.ts'
import { type CaptionerValidation, validateCaptioner } from './validation.ts'

/** The report of a finished epoch. */
export interface EpochReport {
  /** the epoch, counted from 1 */
  readonly epoch: number
  /** mean loss of its steps since the last resume; null if there were none */
  readonly loss: number | null
  /** mean reward of its samples since the last resume, of an objective that samples */
  readonly reward?: number
  /** corpus scores of the validation captions by metric */
  readonly scores: Readonly<Record<string, number>>
  /** whether its weights are the best so far, and were kept */
  readonly best: boolean
  /**
   * mean log-likelihood of the validation references in nats per word; present if CIDEr equals that of the best epoch,
   * where this number decides which is better
   */
  readonly logLikelihood?: number
  readonly seconds: number
}

/** The inputs of trainCaptioner(), and its callbacks. */
export interface TrainerOptions {
  readonly engine: Engine
  /** the run's folder, which the caller has locked: see beginRun() */
  readonly folder: string
  readonly config: RunConfig
  readonly onEpoch?: (report: EpochReport) => void
  /** progress in optimizer steps, over the whole run */
  readonly onProgress?: Progress
  readonly signal?: AbortSignal
  /** the ranks that train together, by default this process alone; rank 0 alone writes */
  readonly ranks?: Communicator
  /** in which type several ranks send each other gradients, by default float32 */
  readonly gradientType?: GradientType
}

/** Steps between two lines of the log. */
const LOG_EVERY = 25

/** The images of a dataset that a run trains and validates on, and how their inputs are read. */
interface CaptionData {
  readonly inputs: StoredInputs
  readonly train: readonly ImageEntry[]
  readonly val: readonly ImageEntry[]
  readonly vocabulary: Vocabulary
}

/**
 * Trains the captioner of a run until `config.training.epochs` are done, from its checkpoint if it has one. Each epoch
 * trains on every image once and captions the validation images. The weights with the best CIDEr are kept; if epochs
 * have the same CIDEr, as always with one validation image, those that give the validation references the higher
 * log-likelihood. If `signal` aborts, a checkpoint is written and the promise rejects with the signal's reason: the
 * same call resumes from that very step. Throws UserError if data are missing, damaged or not those that the run began
 * with, or the loss is not finite.
 *
 * Several ranks make the same call, each with the whole configuration: they share out the images of every batch and of
 * validation, and sum their gradients.
 */
export async function trainCaptioner({
  engine,
  folder,
  config,
  onEpoch,
  onProgress,
  signal,
  ranks = ALONE,
  gradientType,
}: TrainerOptions): Promise<RunProgress> {
  const files = runFiles(folder)
  const dataset = await Dataset.open(config.data.folder)
  await checkSameVocabulary(folder, config.data.folder, dataset.vocabulary)
  const store = await FeatureStore.open(featuresFolder(config.data.folder))
  const team = new Team(ranks, signal)
  let shared: SharedSteps | undefined
  let steps: CaptionerSteps | undefined
  try {
    const data = await readData(folder, config, dataset, store)
    if (ranks.rank === 0) await keepDataIdentity(folder, config.data.folder, data)
    const model = createCaptioner(config.model)
    const parameters = [...model.parameters.values()]
    const { seed, from, adam, gradientClipping: clipping } = config.training
    const initial = from && (() => readInitialWeights(from, model.parameters))
    const start = await startTogether(ranks, files.checkpoint, parameters, seed, initial)
    if (ranks.size > 1)
      shared = await SharedSteps.open(engine.runtime, parameters, { adam, clipping }, team, gradientType)
    steps = captionerSteps(engine.runtime, config, { images: data.train, vocabulary: data.vocabulary }, shared)
    const journal = ranks.rank === 0 ? await RunLog.open({ engine, folder }, start.progress) : undefined
    try {
      const task = captionerTask({ engine, folder, config, model, data, steps, journal, onProgress, team })
      return await runTraining(shareOut(task, ranks), start, {
        signal: team.signal,
        ranks,
        onEpoch: (epoch) => onEpoch?.(reportOf(epoch)),
      })
    } finally {
      await journal?.close()
    }
  } finally {
    await steps?.release()
    shared?.release()
    team.release()
    await store.close()
  }
}

interface TaskParts extends Pick<TrainerOptions, 'engine' | 'folder' | 'config'> {
  readonly model: CaptionModel
  readonly data: CaptionData
  readonly steps: CaptionerSteps
  /** undefined in ranks that do not write */
  readonly journal: RunLog | undefined
  readonly onProgress: Progress | undefined
  readonly team: Team
}

/** A captioner's part of the training loop. */
function captionerTask({
  engine: { runtime },
  folder,
  config: { training, ...config },
  model,
  data,
  steps,
  journal,
  onProgress,
  team,
}: TaskParts): TrainingTask<Batch, CaptionerValidation> {
  const files = runFiles(folder)
  const { inputs, vocabulary } = data
  const collator = new Collator(data.train, vocabulary, inputs, { ...config, training })
  const validated = { inputs, images: data.val, vocabulary, training, team }
  const total = training.epochs * Math.ceil(data.train.length / (training.batchSize / training.captionsPerImage))
  const log = new StepLog(journal)
  return {
    parameters: [...model.parameters.values()],
    epochs: training.epochs,
    seed: training.seed,
    adam: training.adam,
    emaDecay: training.emaDecay,
    checkpoint: files.checkpoint,
    advice: 'try a smaller --learning-rate',
    learningRate: (at) => learningRateAt(at, training),
    batches: (epoch) => makeBatches(collator.items, { ...training, epoch, lengths: collator.lengths }),
    describe: (batch) => `images ${firstFew(collator.ids(batch))}`,
    collate: (batch) => (team.ranks.size > 1 ? collateShare(collator, batch, team.ranks) : collator.collate(batch)),
    prepare: (batch, collated, now) => steps.prepare(batch, collated, now),
    validate: (weights) => validateCaptioner(runtime, model, weights, validated),
    logLikelihood: (weights) => referenceLogLikelihood(runtime, model, weights, validated),
    keep: (weights) => writeSafetensors(files.weights, weights, {}),
    kept: async () => {
      const { tensors } = await readSafetensors(files.weights, 'weights')
      return weightsOf(tensors, model.parameters, `weights "${files.weights}"`, 'start the run again in another folder')
    },
    onStep: async (step) => {
      onProgress?.(step.step, total)
      await log.add(step)
    },
    onEpoch: async (finished) => {
      const name = `epoch-${String(finished.epoch).padStart(3, '0')}.json`
      const samples = `${JSON.stringify(finished.validation.samples, null, 2)}\n`
      await writeFileAtomic(join(files.samples, name), samples)
      await journal?.append({ kind: 'epoch', step: finished.step, ...reportOf(finished) })
    },
  }
}

/** Reads this rank's images of a batch: the inputs of gradientStep(), without those of images if it has none. */
async function collateShare(collator: Collator, batch: Batch, { rank, size }: Communicator): Promise<HostValues> {
  const share = shareOf(batch.images.length, rank, size)
  const place = placeOf(collator.lengthsOf(batch), batch, share)
  return share.start === share.end ? place : { ...place, ...(await collator.collate(partOf(batch, share))) }
}

/** Logs every 25th step, with the speed since the one before. */
class StepLog {
  readonly #journal: RunLog | undefined
  #captions = 0
  #seconds = 0

  constructor(journal: RunLog | undefined) {
    this.#journal = journal
  }

  async add({
    step,
    epoch,
    loss,
    learningRate,
    gradientNorm,
    reward,
    batch,
    seconds,
  }: FinishedStep<Batch>): Promise<void> {
    this.#captions += batch.captions.length
    this.#seconds += seconds
    if (step % LOG_EVERY !== 0) return
    const captionsPerSecond = Math.round(this.#captions / this.#seconds)
    this.#captions = 0
    this.#seconds = 0
    const rewarded = reward === undefined ? {} : { reward }
    const line = { step, epoch, loss, learningRate, gradientNorm, ...rewarded, captionsPerSecond }
    await this.#journal?.append({ kind: 'step', ...line })
  }
}

function reportOf({ step: _, validation, epoch, loss, ...rest }: FinishedEpoch<CaptionerValidation>): EpochReport {
  return { epoch, loss, scores: validation.scores, ...rest }
}

/**
 * Selects the images that a run can use. Throws UserError if the features are not those that the run began with, or if
 * images, concepts or augmentations are missing.
 */
async function readData(
  folder: string,
  { data, model, features, training }: RunConfig,
  dataset: Dataset,
  store: FeatureStore,
): Promise<CaptionData> {
  const { vocabulary } = dataset
  store.require(features, `run "${folder}"`)
  const inputs = await storedInputs(
    store,
    usesConcepts(model)
      ? {
          path: conceptsFile(data.folder),
          vocabulary,
          model,
          run: { name: folder, detector: await readDetector(runFiles(folder).concepts) },
        }
      : undefined,
  )
  const images = (split: 'train' | 'val'): ImageEntry[] => dataset.split(split).filter(({ id }) => inputs.has(id))
  const [train, val] = [images('train'), images('val')]
  if (train.length === 0 || val.length === 0)
    throw new UserError(
      `Cannot train on "${data.folder}": ${train.length} training and ${val.length} validation images have what the ` +
        'model needs; run "mia features" and "mia concepts detect"',
    )
  store.requireAugmentations(
    train.map(({ id }) => id),
    training.augmentations,
  )
  return { inputs, train, val, vocabulary }
}
