import { existsSync } from 'node:fs'
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Dataset, type ImageEntry } from '../data/dataset.ts'
import { CaptionerDecoder } from '../decode/captioner-stepper.ts'
import { UserError } from '../errors.ts'
import { writeFileAtomic } from '../files.ts'
import { Captioner } from '../models/captioner.ts'
import type { Parameter } from '../nn/scope.ts'
import type { Progress } from '../progress.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { writeSafetensors } from '../runtime/safetensors-file.ts'
import { ints, type Session, type Values } from '../runtime/session.ts'
import { FeatureStore } from '../vision/index.ts'
import { type Batch, makeBatches } from './batches.ts'
import { type RunProgress, readCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { conceptsFile, conceptsFolder, featuresFolder } from './concepts.ts'
import { captionAll, type ImageInputs, scoreCaptions } from './evaluation.ts'
import { storedInputs } from './inputs.ts'
import { Journal } from './journal.ts'
import { chooseLengths } from './lengths.ts'
import { packCaptions } from './packing.ts'
import { type RunConfig, runFiles, usesConcepts } from './run.ts'
import { learningRateAt } from './schedule.ts'
import { TrainingState } from './state.ts'
import { trainingStep } from './step.ts'

/** What is said of a finished epoch. */
export interface EpochReport {
  readonly epoch: number
  readonly loss: number
  readonly scores: Readonly<Record<string, number>>
  readonly best: boolean
  readonly seconds: number
}

export interface TrainerOptions {
  readonly folder: string
  readonly config: RunConfig
  readonly onEpoch?: (report: EpochReport) => void
  /** progress over all steps of the run */
  readonly onProgress?: Progress
  readonly signal?: AbortSignal
}

/** Steps between two lines of the log. */
const LOG_EVERY = 25
/** Validation images whose captions are kept each epoch. */
const SAMPLES = 20

/**
 * Trains a captioner in a run's folder, from its checkpoint if it has one, until `config.training.epochs` are done: every epoch each image once with its
 * captions, then the validation images are captioned; the weights with the best CIDEr are kept. When `signal` aborts, a checkpoint is written and
 * the run goes on from that very step when started again. Throws UserError where data are missing and where the loss is not finite.
 */
export async function trainCaptioner({
  folder,
  config,
  onEpoch,
  onProgress,
  signal,
}: TrainerOptions): Promise<RunProgress> {
  const files = runFiles(folder)
  const { training, model: modelConfig } = config
  const dataset = await Dataset.open(config.data.folder)
  const store = await FeatureStore.open(featuresFolder(config.data.folder))
  store.require(config.features, `run "${folder}"`)
  const concepts = usesConcepts(modelConfig)
    ? { path: conceptsFile(config.data.folder), vocabulary: dataset.vocabulary }
    : undefined
  const inputs = await storedInputs(store, concepts)
  const [train, val] = (['train', 'val'] as const).map((split) =>
    dataset.split(split).filter(({ id }) => inputs.has(id)),
  ) as [ImageEntry[], ImageEntry[]]
  if (train.length === 0 || val.length === 0)
    throw new UserError(
      `Cannot train on "${config.data.folder}": ${train.length} training and ${val.length} validation images have what the model needs; run "mia features" and "mia concepts detect"`,
    )

  const model = new Captioner(modelConfig)
  const parameters = [...model.parameters.values()]
  const encoded = train.map(({ tokens }) => tokens.map((caption) => dataset.vocabulary.encode(caption.split(' '))))
  const stepsOf = encoded.map((captions) => captions.map((words) => words.length + 1))
  const lengths = chooseLengths(stepsOf)
  const sessions = new Map<number, Promise<Session>>()
  const sessionFor = (steps: number): Promise<Session> => {
    const known = sessions.get(steps)
    if (known) return known
    const { captionsPerImage: captions, labelSmoothing, adam, clipping } = training
    const session = nodeRuntime.load(trainingStep(model, { captions, steps, labelSmoothing, adam, clipping }))
    sessions.set(steps, session)
    return session
  }
  const feed = async ({ images, captions, steps }: Batch): Promise<Values> => {
    const ids = [...images].map((image) => train[image]!.id)
    const words = [...captions].map(
      (caption, i) => encoded[images[Math.floor(i / training.captionsPerImage)]!]![caption]!,
    )
    const packed = packCaptions(words, steps, training.captionsPerImage)
    return {
      features: {
        dtype: 'float16',
        shape: [ids.length, modelConfig.regions, modelConfig.featureSize],
        data: await inputs.features(ids),
      },
      concepts: ints(inputs.concepts(ids), [ids.length, modelConfig.regions]),
      words: ints(packed.inputs, [steps, captions.length]),
      targets: ints(packed.targets),
      positions: ints(packed.positions),
    }
  }

  const { state, progress } = await startOrRestore(files.checkpoint, parameters, training.seed)
  let { step, epoch, batch, best } = progress
  const save = () => writeCheckpoint(files.checkpoint, { step, epoch, batch, best, ...state.tensors() })
  const journal = await Journal.open(files.log, step)
  const batchesOf = (number: number) => makeBatches(stepsOf, { ...training, epoch: number, lengths })
  const total = training.epochs * Math.ceil(train.length / training.imagesPerBatch)
  try {
    while (epoch < training.epochs) {
      const started = performance.now()
      const learningRate = learningRateAt(epoch + 1, training)
      const batches = batchesOf(epoch)
      let [lossSum, lossCount, since] = [0, 0, performance.now()]
      let next = batch < batches.length ? feed(batches[batch]!) : undefined
      for (; batch < batches.length; batch++) {
        if (signal?.aborted) {
          await save()
          signal.throwIfAborted()
        }
        const values = (await next)!
        const current = batches[batch]!
        const following = batches[batch + 1]
        next = following && feed(following) // read while the step runs
        step += 1
        const { loss, gradientNorm } = await state.step(await sessionFor(current.steps), values, {
          step,
          seed: training.seed,
          learningRate,
          adam: training.adam,
        })
        if (!Number.isFinite(loss))
          throw notFinite(loss, {
            step,
            epoch,
            batch,
            folder,
            images: [...current.images].map((image) => train[image]!.id),
          })
        lossSum += loss
        lossCount += 1
        onProgress?.(step, total)
        if (step % LOG_EVERY === 0) {
          const seconds = (performance.now() - since) / 1000
          since = performance.now()
          await journal.append({
            kind: 'step',
            step,
            epoch: epoch + 1,
            loss,
            learningRate,
            gradientNorm,
            captionsPerSecond: Math.round((LOG_EVERY * values.words!.shape[1]!) / seconds),
          })
        }
      }
      epoch += 1
      batch = 0
      const judged = await validate(model, state, { inputs, val, dataset, config, ...(signal && { signal }) })
      const improved = judged.cider > (best?.score ?? -1)
      if (improved) {
        best = { epoch, score: judged.cider }
        await writeSafetensors(files.weights, [...state.tensors().weights], {})
      }
      await writeFileAtomic(
        join(files.samples, `epoch-${String(epoch).padStart(3, '0')}.json`),
        `${JSON.stringify(judged.samples, null, 2)}\n`,
      )
      const report: EpochReport = {
        epoch,
        loss: lossSum / lossCount,
        scores: judged.scores,
        best: improved,
        seconds: (performance.now() - started) / 1000,
      }
      await journal.append({ kind: 'epoch', step, ...report })
      await save()
      onEpoch?.(report)
    }
  } finally {
    await journal.close()
    for (const session of sessions.values()) (await session).release()
    await store.close()
  }
  return { step, epoch, batch, best }
}

/** The state and progress of a checkpoint, or those of a run that begins. */
async function startOrRestore(
  path: string,
  parameters: readonly Parameter[],
  seed: number,
): Promise<{ state: TrainingState; progress: RunProgress }> {
  if (!existsSync(path))
    return { state: TrainingState.start(parameters, seed), progress: { step: 0, epoch: 0, batch: 0, best: null } }
  const checkpoint = await readCheckpoint(path)
  const unfit = parameters.find(({ name, shape }) => checkpoint.weights.get(name)?.shape.join() !== shape.join())
  if (unfit)
    throw new UserError(
      `Cannot go on from "${path}": its "${unfit.name}" is not [${unfit.shape.join(', ')}]; start the run anew in another folder`,
    )
  return { state: TrainingState.restore(parameters, checkpoint), progress: checkpoint }
}

/** Makes what a run keeps beside its weights: vocabulary and concept detector of its dataset. */
export async function copyIntoRun(folder: string, config: RunConfig): Promise<void> {
  const files = runFiles(folder)
  await mkdir(folder, { recursive: true })
  await copyFile(join(config.data.folder, 'vocabulary.json'), files.vocabulary)
  if (!usesConcepts(config.model)) return
  await mkdir(files.concepts, { recursive: true })
  for (const name of ['detector.json', 'detector.safetensors'])
    await copyFile(join(conceptsFolder(config.data.folder), name), join(files.concepts, name))
}

interface Validation {
  readonly inputs: ImageInputs
  readonly val: readonly ImageEntry[]
  readonly dataset: Dataset
  readonly config: RunConfig
  readonly signal?: AbortSignal
}

async function validate(model: Captioner, state: TrainingState, { inputs, val, dataset, config, signal }: Validation) {
  const decoder = await CaptionerDecoder.load(nodeRuntime, model, state.weights)
  try {
    const { beam, maxLength } = config.training
    const captions = await captionAll(
      decoder,
      inputs,
      val.map(({ id }) => id),
      { vocabulary: dataset.vocabulary, beam, maxLength, ...(signal && { signal }) },
    )
    const { corpus, cider } = scoreCaptions(val, captions)
    const samples = captions
      .slice(0, SAMPLES)
      .map(({ id, caption }, i) => ({ id, caption, cider: cider[i], references: val[i]!.tokens }))
    return { scores: corpus as Record<string, number>, cider: corpus.CIDEr!, samples }
  } finally {
    await decoder.release()
  }
}

function notFinite(
  loss: number,
  {
    step,
    epoch,
    batch,
    folder,
    images,
  }: { step: number; epoch: number; batch: number; folder: string; images: readonly string[] },
): UserError {
  const where = `step ${step} (epoch ${epoch + 1}, batch ${batch + 1}: images ${images.slice(0, 3).join(', ')} and ${Math.max(0, images.length - 3)} more)`
  return new UserError(
    `Cannot go on training: the loss is ${loss} at ${where}; the last good checkpoint is "${runFiles(folder).checkpoint}"; try a smaller --learning-rate`,
  )
}
