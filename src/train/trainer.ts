import { join } from 'node:path'
import { type RunConfig, usesConcepts } from '../caption/run-config.ts'
import { Dataset, type ImageEntry } from '../data/dataset.ts'
import { type RunProgress, writeCheckpoint } from '../disk/checkpoint.ts'
import { conceptsFile, featuresFolder } from '../disk/dataset-files.ts'
import { FeatureStore } from '../disk/feature-store.ts'
import { writeFileAtomic } from '../disk/files.ts'
import { Journal } from '../disk/journal.ts'
import { runFiles } from '../disk/run.ts'
import { checkSameVocabulary } from '../disk/run-folder.ts'
import { writeSafetensors } from '../disk/safetensors-file.ts'
import { storedInputs } from '../disk/stored-inputs.ts'
import type { Engine } from '../engine/engine.ts'
import type { Session } from '../engine/session.ts'
import { UserError } from '../errors.ts'
import { LstmCaptioner } from '../models/lstm/captioner.ts'
import type { Progress } from '../progress.ts'
import { type Batch, makeBatches } from './batches.ts'
import { Feeder } from './collator.ts'
import { crossEntropy } from './objectives/cross-entropy.ts'
import { learningRateAt } from './schedule.ts'
import { startOrRestore } from './state.ts'
import { trainingStep } from './step.ts'
import { validateCaptioner } from './validation.ts'
import { AVERAGE_EVERY, WeightAverage } from './weight-average.ts'

/** What is said of a finished epoch. */
export interface EpochReport {
  readonly epoch: number
  /** mean over the steps of the epoch; of those since the last resume, where it was resumed, and null where none was left */
  readonly loss: number | null
  readonly scores: Readonly<Record<string, number>>
  /** whether its weights are the best so far, and were kept */
  readonly best: boolean
  readonly seconds: number
}

export interface TrainerOptions {
  readonly engine: Engine
  readonly folder: string
  readonly config: RunConfig
  readonly onEpoch?: (report: EpochReport) => void
  /** progress over all steps of the run */
  readonly onProgress?: Progress
  readonly signal?: AbortSignal
}

/** Steps between two lines of the log. */
const LOG_EVERY = 25

/**
 * Trains a captioner in a run's folder, from its checkpoint if it has one, until `config.training.epochs` are done: every epoch each image once with its
 * captions, then the validation images are captioned; the weights with the best CIDEr are kept. When `signal` aborts, a checkpoint is written and
 * the run goes on from that very step when started again. Throws UserError where data are missing and where the loss is not finite.
 */
export async function trainCaptioner({
  engine,
  folder,
  config,
  onEpoch,
  onProgress,
  signal,
}: TrainerOptions): Promise<RunProgress> {
  const files = runFiles(folder)
  const { training } = config
  const { store, inputs, train, val, vocabulary } = await openData(folder, config)
  const model = new LstmCaptioner(config.model)
  const feeder = new Feeder(train, vocabulary, inputs, config)
  const sessions = new StepSessions(engine, config)
  const parameters = [...model.parameters.values()]
  const { state, progress, averages } = await startOrRestore(files.checkpoint, parameters, training.seed)
  const average = training.emaDecay > 0 ? WeightAverage.of(parameters, training.emaDecay, averages) : undefined
  let { step, epoch, batch, best } = progress
  const save = (progress: RunProgress) =>
    writeCheckpoint(files.checkpoint, {
      ...progress,
      ...state.tensors(),
      ...(average && { averages: average.tensors }),
    })
  const journal = await Journal.open(files.log, progress)
  const total = training.epochs * Math.ceil(train.length / training.imagesPerBatch)
  try {
    for (; epoch < training.epochs; epoch++, batch = 0) {
      const started = performance.now()
      const learningRate = learningRateAt(epoch + 1, training)
      const batches = makeBatches(feeder.items, { ...training, epoch, lengths: feeder.lengths })
      const losses: number[] = []
      let since = performance.now()
      let next = batch < batches.length ? feeder.feed(batches[batch]!) : undefined
      for (; batch < batches.length; batch++) {
        const current = batches[batch]!
        const values = (await next)!
        if (signal?.aborted) {
          await save({ step, epoch, batch, best })
          signal.throwIfAborted()
        }
        next = batch + 1 < batches.length ? feeder.feed(batches[batch + 1]!) : undefined // read while the step runs
        step += 1
        const session = await sessions.for(current)
        const { loss, gradientNorm } = await state.step(session, values, {
          step,
          seed: training.seed,
          learningRate,
          adam: training.adam,
        })
        if (!Number.isFinite(loss))
          throw notFinite(
            loss,
            `step ${step} (epoch ${epoch + 1}, batch ${batch + 1}: images ${feeder.ids(current).slice(0, 3).join(', ')} and others)`,
            files.checkpoint,
          )
        losses.push(loss)
        if (step % AVERAGE_EVERY === 0) average?.follow(state.weights, step)
        onProgress?.(step, total)
        if (step % LOG_EVERY !== 0) continue
        const captionsPerSecond = Math.round(
          (Math.min(LOG_EVERY, losses.length) * current.captions.length * 1000) / (performance.now() - since),
        )
        since = performance.now()
        await journal.append({
          kind: 'step',
          step,
          epoch: epoch + 1,
          loss,
          learningRate,
          gradientNorm,
          captionsPerSecond,
        })
      }
      await save({ step, epoch, batch, best }) // a stop while validating loses nothing
      const { scores, cider, samples } = await validateCaptioner(engine, model, average?.weights ?? state.weights, {
        inputs,
        images: val,
        vocabulary,
        training,
        signal,
      })
      const improved = cider > (best?.score ?? -1)
      if (improved) {
        best = { epoch: epoch + 1, score: cider }
        await writeSafetensors(files.weights, [...(average?.tensors ?? state.tensors().weights)], {})
      }
      await writeFileAtomic(
        join(files.samples, `epoch-${String(epoch + 1).padStart(3, '0')}.json`),
        `${JSON.stringify(samples, null, 2)}\n`,
      )
      const loss = losses.length > 0 ? losses.reduce((a, b) => a + b) / losses.length : null
      const report: EpochReport = {
        epoch: epoch + 1,
        loss,
        scores,
        best: improved,
        seconds: (performance.now() - started) / 1000,
      }
      await journal.append({ kind: 'epoch', step, ...report })
      await save({ step, epoch: epoch + 1, batch: 0, best })
      onEpoch?.(report)
    }
  } finally {
    await journal.close()
    await sessions.release()
    await store.close()
  }
  return { step, epoch, batch, best }
}

/** What a run reads of its dataset. Throws UserError where the features are others or images are missing. */
async function openData(folder: string, { data, model, features, training }: RunConfig) {
  const dataset = await Dataset.open(data.folder)
  await checkSameVocabulary(folder, data.folder, dataset.vocabulary)
  const store = await FeatureStore.open(featuresFolder(data.folder))
  store.require(features, `run "${folder}"`)
  const { vocabulary } = dataset
  const inputs = await storedInputs(
    store,
    usesConcepts(model) ? { path: conceptsFile(data.folder), vocabulary, count: model.concepts } : undefined,
  )
  const images = (split: 'train' | 'val'): ImageEntry[] => dataset.split(split).filter(({ id }) => inputs.has(id))
  const [train, val] = [images('train'), images('val')]
  if (train.length === 0 || val.length === 0)
    throw new UserError(
      `Cannot train on "${data.folder}": ${train.length} training and ${val.length} validation images have what the model needs; ` +
        'run "mia features" and "mia concepts detect"',
    )
  store.requireAugmentations(
    train.map(({ id }) => id),
    training.augmentations,
  )
  return { store, inputs, train, val, vocabulary }
}

/** The training step for each number of unrolled steps and of regions, made when it is first needed and kept. */
class StepSessions {
  readonly #sessions = new Map<string, Promise<Session>>()
  readonly #engine: Engine
  readonly #config: RunConfig

  constructor(engine: Engine, config: RunConfig) {
    this.#engine = engine
    this.#config = config
  }

  for({ steps, regions }: Pick<Batch, 'steps' | 'regions'>): Promise<Session> {
    const key = `${steps} ${regions}`
    const session = this.#sessions.get(key) ?? this.#make(steps, regions)
    this.#sessions.set(key, session)
    return session
  }

  #make(steps: number, regions: number): Promise<Session> {
    const { model, training } = this.#config
    const { captionsPerImage: captions, labelSmoothing, adam, gradientClipping: clipping } = training
    const padded = new LstmCaptioner({ ...model, regions }) // its weights are the model's, whatever the number of regions
    return this.#engine.runtime.load(
      trainingStep(padded, { captions, steps, objective: crossEntropy(labelSmoothing), adam, clipping }),
    )
  }

  async release(): Promise<void> {
    for (const session of this.#sessions.values()) (await session).release()
  }
}

const notFinite = (loss: number, where: string, checkpoint: string): UserError =>
  new UserError(
    `Cannot go on training: the loss is ${loss} at ${where}; the last good checkpoint is "${checkpoint}"; try a smaller --learning-rate`,
  )
