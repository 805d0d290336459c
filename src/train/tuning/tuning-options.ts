import type { Engine } from '../../engine/engine.ts'
import type { Watch } from '../../progress.ts'
import type { SkippedFile } from '../../vision/extract-features.ts'
import type { openNetwork } from '../../vision/open.ts'
import type { PictureSources } from './tuning-pictures.ts'
import type { TuningScores } from './tuning-validation.ts'

/** A network to open, as `mia features` opens it. */
export interface NetworkChoice {
  /** path of an ONNX file, or `centernet` */
  readonly file: string
  readonly options?: Parameters<typeof openNetwork>[2]
}

/** The inputs of tuneNetwork(), and its callbacks; progress is in steps. */
export interface TuningOptions extends Watch, PictureSources {
  readonly engine: Engine
  readonly network: NetworkChoice
  /** a larger network whose map the features shall tell */
  readonly teacher?: NetworkChoice
  /** the folder of a run whose captioner, which reads this network's features, is trained with it */
  readonly captioner?: string
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
  /** the learning rate of the new layers and of the captioner */
  readonly newLearningRate: number
  readonly batchSize: number
  /** images that go through the network at once: fewer than a batch need less memory, and give the same numbers */
  readonly imagesAtOnce: number
  readonly seed: number
  /** the scores that a trained captioner begins with, before the first step */
  readonly onStart?: (scores: TuningScores) => void
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
  /** the folder of the captioner that was tuned with it */
  readonly captioner?: string
  /** the folder of that captioner's dataset, which the features of this network go into */
  readonly captionerData?: string
  /** numbers of a region */
  readonly size: number
  readonly trainedWeights: number
  readonly trainingPictures: number
  readonly words: number
  readonly bestEpoch: number
  /** the loss of the best epoch on the validation pictures */
  readonly loss: number
}
