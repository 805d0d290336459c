import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Weights } from '../../caption/weights.ts'
import { weightsOf } from '../../caption/weights.ts'
import { readCheckpoint } from '../../disk/checkpoint.ts'
import { readText, writeFileAtomic } from '../../disk/files.ts'
import { withLock } from '../../disk/lock.ts'
import { readSafetensors, writeSafetensors } from '../../disk/safetensors-file.ts'
import type { Engine } from '../../engine/engine.ts'
import { UserError } from '../../errors.ts'
import type { Watch } from '../../progress.ts'
import { Random } from '../../random.ts'
import type { SkippedFile } from '../../vision/extract-features.ts'
import { describeSource, sourceOf } from '../../vision/feature-source.ts'
import type { Network } from '../../vision/networks/network.ts'
import { openTrainable, type TrainableNetwork } from '../../vision/networks/trainable.ts'
import { openNetwork } from '../../vision/open.ts'
import { firstFew } from '../../wording.ts'
import { runTraining, type TrainingTask } from '../loop.ts'
import { startOrRestore } from '../state.ts'
import { drawViews } from './draw-views.ts'
import { FrozenPart } from './frozen-part.ts'
import { writeTunedNetwork } from './tuned-network.ts'
import { TuningBatches } from './tuning-batches.ts'
import { isNew, TuningModel } from './tuning-model.ts'
import {
  type PictureSources,
  picturesDigest,
  picturesWith,
  type TuningPictures,
  tuningPictures,
} from './tuning-pictures.ts'
import { ADAM, type TuningBatch, TuningSteps } from './tuning-steps.ts'
import { type TuningScores, TuningValidation } from './tuning-validation.ts'
import { LiveViews, StoredViews, type View, type Views, type Watchers } from './views.ts'

/** A network to open, as `mia features` opens it. */
export interface NetworkChoice {
  /** path of an ONNX file, or `builtin` */
  readonly file: string
  readonly options?: Parameters<typeof openNetwork>[2]
}

/** The inputs of tuneNetwork(), and its callbacks; progress is in steps. */
export interface TuningOptions extends Watch, PictureSources {
  readonly engine: Engine
  readonly network: NetworkChoice
  /** a larger network whose map the features shall tell */
  readonly teacher?: NetworkChoice
  /** the tensor up to which the network stays as it is */
  readonly freeze?: string
  /** channels of a new layer on top */
  readonly channels?: number
  /** the folder of the training and of the tuned network */
  readonly out: string
  /** views of each picture that are stored, and drawn from; 0 draws new crops at each step */
  readonly storedViews: number
  readonly epochs: number
  /** epochs at first in which only the new layers are trained */
  readonly newLayersFirst: number
  /** the learning rate of the network's weights in the first epoch; it falls to 0 as half a cosine */
  readonly learningRate: number
  /** the learning rate of the new layers */
  readonly newLearningRate: number
  readonly batchSize: number
  /** images that go through the network at once: fewer than a batch need less memory, and give the same numbers */
  readonly imagesAtOnce: number
  readonly seed: number
  readonly onEpoch?: (epoch: TuningEpoch) => void
  /** progress while views are stored */
  readonly onStoreProgress?: Watch['onProgress']
  readonly onSkip?: (skipped: SkippedFile) => void
}

/** The report of a finished epoch. */
export interface TuningEpoch extends TuningScores {
  /** the epoch, counted from 1 */
  readonly epoch: number
  /** mean loss of its steps since the last resume; null if there were none */
  readonly trainingLoss: number | null
  /** whether its weights are the best so far, and were kept */
  readonly best: boolean
  readonly seconds: number
}

/** A tuned network. */
export interface Tuning {
  /** path of its ONNX file */
  readonly file: string
  /** numbers of a region */
  readonly size: number
  readonly trainedWeights: number
  readonly trainingPictures: number
  readonly words: number
  readonly bestEpoch: number
  /** the loss of the best epoch on the validation pictures */
  readonly loss: number
}

/** The tensor up to which the built-in network is kept by default: the output of block 11 of 14, at stride 16. */
export const BUILTIN_FREEZE = 'tower_0/MobilenetV3/expanded_conv_11/add'

const WORD_WEIGHT = 0.01
const DROPOUT = 0.5

/**
 * Trains a network further: towards the words of captions (Fang et al., CVPR 2015), towards the map of a teacher
 * (distillation), or both. What lies before `freeze` stays as it is. The weights of the epoch with the lowest loss on
 * the validation pictures are kept. If `signal` aborts, a checkpoint is written and the promise rejects with the
 * signal's reason: the same call resumes from that very step; a call with other options starts over. Throws UserError.
 */
export async function tuneNetwork(options: TuningOptions): Promise<Tuning> {
  const { engine, network, out } = options
  return withLock(out, 'tuned network', async () => {
    const trainable = await openTrainable(engine, network.file, network.options)
    const teacher = options.teacher && (await openNetwork(engine, options.teacher.file, options.teacher.options))
    try {
      return await new Tuner(options, trainable, teacher, await tuningPictures(options)).run()
    } finally {
      teacher?.release()
    }
  })
}

class Tuner {
  readonly #options: TuningOptions
  readonly #network: TrainableNetwork
  readonly #teacher: Network | undefined
  /** those that can be read, as far as is known */
  #pictures: TuningPictures
  readonly #model: TuningModel

  constructor(
    options: TuningOptions,
    network: TrainableNetwork,
    teacher: Network | undefined,
    pictures: TuningPictures,
  ) {
    this.#options = options
    this.#network = network
    this.#teacher = teacher
    this.#pictures = picturesWith(pictures, () => true)
    if (!teacher && pictures.words.length === 0)
      throw new UserError(
        'Cannot tune a network without a teacher on these pictures: no content word is in the captions of enough of ' +
          'them; give more pictures with captions, or a teacher',
      )
    this.#model = new TuningModel(network, {
      ...(options.freeze !== undefined && { freeze: options.freeze }),
      ...(options.channels !== undefined && { channels: options.channels }),
      ...(teacher && {
        teacher: { rows: teacher.regions / teacher.columns, columns: teacher.columns, size: teacher.size },
      }),
      words: pictures.words.length,
      wordWeight: teacher ? WORD_WEIGHT : 1,
      dropout: DROPOUT,
    })
  }

  async run(): Promise<Tuning> {
    const { engine, seed, signal, onEpoch } = this.#options
    const checkpoint = await this.#checkpoint()
    const layer = this.#model.config.freeze ?? 'images'
    const frozen = await FrozenPart.load(engine.runtime, this.#network, layer, this.#model.start)
    let views: Views | undefined
    let sessions: TuningSteps | undefined
    try {
      const watchers = { frozen, ...(this.#teacher && { teacher: this.#teacher }) }
      views = await this.#views(watchers)
      const made = views
      this.#pictures = picturesWith(this.#pictures, (picture) => made.has(picture))
      const batches = await TuningBatches.open(this.#model, this.#pictures.words, views, this.#sample())
      const start = await startOrRestore(checkpoint, [...this.#model.parameters.values()], seed)
      sessions = new TuningSteps(this.#model, views.type, this.#options)
      const task = this.#task({ batches, sessions, checkpoint })
      const { best } = await runTraining(task, start, {
        signal,
        onEpoch: ({ epoch, loss, validation: { score: _, ...scores }, best, seconds }) =>
          onEpoch?.({ epoch, trainingLoss: loss, best, seconds, ...scores }),
      })
      const file = await this.#write()
      return {
        file,
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

  #task({ batches, sessions, checkpoint }: TaskParts): TrainingTask<TuningBatch, TuningScores & { score: number }> {
    const { engine, out, seed, epochs, learningRate, batchSize, storedViews, newLayersFirst } = this.#options
    const { onProgress, signal } = this.#options
    const parameters = [...this.#model.parameters.values()]
    const { train, val } = this.#pictures
    const stepsPerEpoch = Math.ceil(train.length / batchSize)
    const best = join(out, BEST)
    const validation = new TuningValidation(engine.runtime, this.#model, batches, val, signal)
    return {
      parameters,
      epochs,
      seed,
      adam: ADAM,
      emaDecay: 0,
      checkpoint,
      advice: 'try a lower learning rate',
      learningRate: ({ epoch }) => (learningRate * (1 + Math.cos((Math.PI * (epoch - 1)) / epochs))) / 2,
      batches: (epoch) => {
        const views = drawViews(train, { seed, epoch, storedViews })
        const newLayersOnly = epoch < newLayersFirst
        return Array.from({ length: stepsPerEpoch }, (_, i) => ({
          views: views.slice(i * batchSize, (i + 1) * batchSize),
          newLayersOnly,
        }))
      },
      describe: ({ views }) => `pictures ${firstFew(views.map(({ picture }) => picture.id))}`,
      collate: ({ views }) => batches.read(views),
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

  /** Writes the network with the best weights. */
  async #write(): Promise<string> {
    return writeTunedNetwork(this.#options.out, this.#model, this.#network, await this.#best())
  }

  /**
   * The path of the checkpoint. `tuning.json` beside it says which training it belongs to; the checkpoint of another
   * one is deleted, and so is one with more epochs than are asked for.
   */
  async #checkpoint(): Promise<string> {
    const { out, epochs, newLayersFirst, learningRate, newLearningRate, batchSize, seed, storedViews } = this.#options
    const [file, checkpoint] = [join(out, 'tuning.json'), join(out, 'checkpoint.safetensors')]
    const { name, sha256, layer, input } = this.#network
    const { train, val, words } = this.#pictures
    const recipe = {
      format: 'mia-tuning/1',
      network: { file: name, sha256, layer, ...input },
      ...(this.#teacher && { teacher: describeSource(sourceOf(this.#teacher)) }),
      ...this.#model.config,
      ...{ epochs, newLayersFirst, learningRate, newLearningRate, batchSize, seed, storedViews },
      pictures: { train: picturesDigest(train), val: picturesDigest(val) },
      words,
    }
    const text = `${JSON.stringify(recipe, null, 2)}\n`
    const same = existsSync(file) && (await readText(file, 'tuning')) === text
    if (same && existsSync(checkpoint) && (await readCheckpoint(checkpoint)).epoch <= epochs) return checkpoint
    await rm(checkpoint, { force: true })
    await writeFileAtomic(file, text)
    return checkpoint
  }
}

interface TaskParts {
  readonly batches: TuningBatches
  readonly sessions: TuningSteps
  readonly checkpoint: string
}

/** The file of the best weights. */
const BEST = 'best.safetensors'
/** Whole pictures that the statistics of the teacher's channels are measured on. */
const SAMPLED = 512
/** Tells the random numbers of the sample from those of the epochs. */
const SAMPLE = 0x5a3e
