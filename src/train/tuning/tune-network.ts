import { join } from 'node:path'
import type { Weights } from '../../caption/weights.ts'
import { weightsOf } from '../../caption/weights.ts'
import { withLock } from '../../disk/lock.ts'
import { readSafetensors, writeSafetensors } from '../../disk/safetensors-file.ts'
import { UserError } from '../../errors.ts'
import { Random } from '../../random.ts'
import { sourceOf } from '../../vision/feature-source.ts'
import type { Network } from '../../vision/networks/network.ts'
import { openTrainable, type TrainableNetwork } from '../../vision/networks/trainable.ts'
import { openNetwork } from '../../vision/open.ts'
import { firstFew } from '../../wording.ts'
import { runTraining, type TrainingTask } from '../loop.ts'
import { startOrRestore } from '../state.ts'
import type { CaptionHeadConfig } from './caption-head.ts'
import { type CaptionerToTune, openCaptionerToTune, tuningWeights, writeTunedCaptioner } from './captioner-to-tune.ts'
import { drawViews } from './draw-views.ts'
import { FrozenPart } from './frozen-part.ts'
import { writeTunedNetwork } from './tuned-network.ts'
import { TuningBatches } from './tuning-batches.ts'
import { tuningCheckpoint } from './tuning-checkpoint.ts'
import { isNew, TuningModel } from './tuning-model.ts'
import type { Tuning, TuningOptions } from './tuning-options.ts'
import { picturesWith, type TuningPictures, tuningPictures } from './tuning-pictures.ts'
import { ADAM, type TuningBatch, TuningSteps } from './tuning-steps.ts'
import { type TuningValidated, TuningValidation } from './tuning-validation.ts'
import { LiveViews, StoredViews, type View, type Views, type Watchers } from './views.ts'

/** The tensor up to which MobileNetV3-CenterNet is kept by default: the output of block 11 of 14, at stride 16. */
export const CENTERNET_FREEZE = 'tower_0/MobilenetV3/expanded_conv_11/add'

const WORD_WEIGHT = 0.01
const DROPOUT = 0.5

/**
 * Trains a network further: towards the words of captions (Fang et al., CVPR 2015), towards the map of a teacher
 * (distillation), or both; or together with a captioner and its concept detector, from the pictures to the captions as
 * one graph. What lies before `freeze` stays as it is. The weights of the epoch with the lowest loss on
 * the validation pictures are kept. If `signal` aborts, a checkpoint is written and the promise rejects with the
 * signal's reason: the same call resumes from that very step; a call with other options starts over. Throws UserError.
 */
export async function tuneNetwork(options: TuningOptions): Promise<Tuning> {
  const { engine, network, out } = options
  return withLock(out, 'tuned network', async () => {
    const trainable = await openTrainable(engine, network.file, network.options)
    const teacher = options.teacher && (await openNetwork(engine, options.teacher.file, options.teacher.options))
    try {
      const captioner = await captionerOf(options)
      const pictures = await tuningPictures(options, captioner)
      return await new Tuner({ options, network: trainable, teacher, captioner, pictures }).run()
    } finally {
      teacher?.release()
    }
  })
}

/** Opens the captioner that is tuned with the network, if there is one. */
async function captionerOf({ engine, network, data, captioner }: TuningOptions): Promise<CaptionerToTune | undefined> {
  if (captioner === undefined) return undefined
  if (data.length !== 1)
    throw new UserError(`Cannot tune the captioner "${captioner}" on ${data.length} datasets: give the one it is for`)
  const opened = await openNetwork(engine, network.file, network.options)
  opened.release()
  return openCaptionerToTune(captioner, data[0]!, sourceOf(opened))
}

/** What is tuned, and on what. */
interface TunerParts {
  readonly options: TuningOptions
  readonly network: TrainableNetwork
  readonly teacher: Network | undefined
  readonly captioner: CaptionerToTune | undefined
  readonly pictures: TuningPictures
}

class Tuner {
  readonly #options: TuningOptions
  readonly #network: TrainableNetwork
  readonly #teacher: Network | undefined
  readonly #captioner: CaptionerToTune | undefined
  /** those that can be read, as far as is known */
  #pictures: TuningPictures
  readonly #model: TuningModel

  constructor({ options, network, teacher, captioner, pictures }: TunerParts) {
    this.#options = options
    this.#network = network
    this.#teacher = teacher
    this.#captioner = captioner
    this.#pictures = picturesWith(pictures, () => true)
    if (!teacher && !captioner && pictures.words.length === 0)
      throw new UserError(
        'Cannot tune a network without a teacher on these pictures: no content word is in the captions of enough of ' +
          'them; give more pictures with captions, or a teacher',
      )
    const config = {
      ...(options.freeze !== undefined && { freeze: options.freeze }),
      ...(options.channels !== undefined && { channels: options.channels }),
      ...(teacher && {
        teacher: { rows: teacher.regions / teacher.columns, columns: teacher.columns, size: teacher.size },
      }),
      ...(captioner && { captioner: headOf(captioner) }),
      words: pictures.words.length,
      wordWeight: teacher || captioner ? WORD_WEIGHT : 1,
      dropout: DROPOUT,
    }
    this.#model = new TuningModel(network, config, captioner && tuningWeights(captioner))
  }

  async run(): Promise<Tuning> {
    const { engine, seed, signal, onStart, onEpoch } = this.#options
    const checkpoint = await tuningCheckpoint({
      options: this.#options,
      config: this.#model.config,
      network: this.#network,
      teacher: this.#teacher,
      pictures: this.#pictures,
      from: this.#captioner?.from,
      emaDecay: emaDecayOf(this.#captioner),
    })
    const layer = this.#model.config.freeze ?? 'images'
    const frozen = await FrozenPart.load(engine.runtime, this.#network, layer, this.#model.start)
    let views: Views | undefined
    let sessions: TuningSteps | undefined
    try {
      const watchers = { frozen, ...(this.#teacher && { teacher: this.#teacher }) }
      views = await this.#views(watchers)
      const made = views
      this.#pictures = picturesWith(this.#pictures, (picture) => made.has(picture))
      const batches = await TuningBatches.open(this.#model, this.#pictures, views, this.#sample())
      const start = await startOrRestore(checkpoint, [...this.#model.parameters.values()], seed)
      sessions = new TuningSteps(this.#model, views.type, this.#options)
      const validation = new TuningValidation(engine.runtime, this.#model, batches, this.#pictures.val, signal)
      if (this.#captioner && start.progress.step === 0) {
        const { score: _, averagePrecision: __, ...scores } = await validation.run(start.state.weights)
        onStart?.(scores)
      }
      const task = this.#task({ batches, sessions, validation, checkpoint })
      const { best } = await runTraining(task, start, {
        signal,
        onEpoch: ({ epoch, loss, validation: { score: _, averagePrecision: __, ...scores }, best, seconds }) =>
          onEpoch?.({ epoch, trainingLoss: loss, best, seconds, ...scores }),
      })
      return {
        ...(await this.#write(validation)),
        size: this.#model.size,
        trainedWeights: [...this.#model.parameters.keys()].filter((name) => !isNew(name)).length,
        trainingPictures: this.#pictures.train.length,
        words: this.#pictures.words.length,
        bestEpoch: best!.epoch,
        loss: -best!.score,
      }
    } finally {
      await sessions?.release()
      await views?.close()
      frozen.release()
    }
  }

  /** The views of the pictures: stored ones, or new ones at each step. */
  async #views(watchers: Watchers): Promise<Views> {
    const { engine, out, storedViews, signal, onStoreProgress, onSkip } = this.#options
    if (storedViews === 0) return new LiveViews(engine.pictures, watchers)
    const { train, val } = this.#pictures
    return StoredViews.make(join(out, 'views'), [...train, ...val], {
      count: storedViews,
      decoder: engine.pictures,
      watchers,
      onSkip: onSkip ?? (() => {}),
      ...(signal && { signal }),
      ...(onStoreProgress && { onProgress: onStoreProgress }),
    })
  }

  /** Whole pictures that the statistics of the teacher's channels are measured on. */
  #sample(): readonly View[] {
    const { train } = this.#pictures
    const order = new Random(this.#options.seed, SAMPLE).shuffle([...train])
    return order.slice(0, SAMPLED).map((picture) => ({ picture, number: 0 }))
  }

  #task({ batches, sessions, validation, checkpoint }: TaskParts): TrainingTask<TuningBatch, TuningValidated> {
    const { out, seed, epochs, learningRate, batchSize, storedViews, newLayersFirst, onProgress } = this.#options
    const parameters = [...this.#model.parameters.values()]
    const { train } = this.#pictures
    const captionsPerImage = this.#model.config.captioner?.captionsPerImage ?? 0
    const stepsPerEpoch = Math.ceil(train.length / batchSize)
    const best = join(out, BEST)
    return {
      parameters,
      epochs,
      seed,
      adam: ADAM,
      emaDecay: emaDecayOf(this.#captioner),
      checkpoint,
      advice: 'try a lower learning rate',
      learningRate: ({ epoch }) => (learningRate * (1 + Math.cos((Math.PI * (epoch - 1)) / epochs))) / 2,
      batches: (epoch) => {
        const views = drawViews(train, { seed, epoch, storedViews, captionsPerImage })
        const newLayersOnly = epoch < newLayersFirst
        return Array.from({ length: stepsPerEpoch }, (_, i) => {
          const some = views.slice(i * batchSize, (i + 1) * batchSize)
          return { views: some, newLayersOnly, steps: batches.stepsOf(some) }
        })
      },
      describe: ({ views }) => `pictures ${firstFew(views.map(({ picture }) => picture.id))}`,
      collate: ({ views, steps }) => batches.read(views, steps),
      prepare: async (batch, values) => ({ session: await sessions.for(batch), values }),
      validate: (weights) => validation.run(weights),
      logLikelihood: async (weights) => (await validation.run(weights)).score,
      keep: (weights) => writeSafetensors(best, weights),
      kept: () => this.#best(),
      onStep: ({ step }) => onProgress?.(step, epochs * stepsPerEpoch),
    }
  }

  async #best(): Promise<Weights> {
    const path = join(this.#options.out, BEST)
    const { tensors } = await readSafetensors(path, 'weights')
    return weightsOf(tensors, this.#model.parameters, `weights "${path}"`, 'start over in another folder')
  }

  /** Writes the network with the best weights, and the captioner that was trained with it. */
  async #write(validation: TuningValidation): Promise<Pick<Tuning, 'file' | 'captioner' | 'captionerData'>> {
    const { engine, out, data } = this.#options
    const weights = await this.#best()
    const file = await writeTunedNetwork(out, this.#model, this.#network, weights)
    if (!this.#captioner) return { file }
    const written = await openNetwork(engine, file)
    written.release()
    const { averagePrecision } = await validation.run(weights)
    const tuned = { weights, source: sourceOf(written), averagePrecision, data: data[0]! }
    return { file, ...(await writeTunedCaptioner(out, this.#captioner, tuned)) }
  }
}

/** How a captioner is trained with a network: as its run was, but always on the references. */
const headOf = ({ config: { model, training } }: CaptionerToTune): CaptionHeadConfig => ({
  model,
  captionsPerImage: training.captionsPerImage,
  labelSmoothing: training.labelSmoothing,
})

/** A captioner goes on as its run was trained: with or without a moving average of the weights, the network's too. */
const emaDecayOf = (captioner: CaptionerToTune | undefined): number => captioner?.config.training.emaDecay ?? 0

interface TaskParts {
  readonly batches: TuningBatches
  readonly sessions: TuningSteps
  readonly validation: TuningValidation
  readonly checkpoint: string
}

/** The file of the best weights. */
const BEST = 'best.safetensors'
/** Whole pictures that the statistics of the teacher's channels are measured on. */
const SAMPLED = 512
/** Tells the random numbers of the sample from those of the epochs. */
const SAMPLE = 0x5a3e
