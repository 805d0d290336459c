import { add, cast, constant, count, div, gather, input, mul, reshape, sub, sum, type Tensor } from '../graph/index.ts'
import type { CaptionModel, Tensors } from '../models/contract.ts'
import { force } from '../models/force.ts'
import { type FeatureType, imageInputs } from '../models/inputs.ts'
import { Noise, type NoiseRows } from '../nn/noise.ts'
import { toOnnx } from '../onnx/export.ts'
import type { GradientType } from './hyperparameters.ts'
import type { Objective, Words } from './objectives/objective.ts'
import type { AdamOptions, Clipping } from './optimizer.ts'
import { gradientOutputs, gradientsOf, updates } from './update.ts'

/** The sizes of a batch that a graph is built for. */
export interface BatchShape {
  /** captions of each image, C */
  readonly captions: number
  /** time steps, T: the words of the longest caption and `<end>` */
  readonly steps: number
  /** the type of the features; by default float16, as stored */
  readonly featureType?: FeatureType
}

/** What the loss of a batch depends on. */
export interface LossOptions extends BatchShape {
  readonly objective: Objective
}

/** What a training step depends on. */
export interface StepOptions extends LossOptions {
  readonly adam: AdamOptions
  readonly clipping: Clipping
}

/** What predict() computes: the words of a batch, and its encoded images. */
export interface Predicted extends Words {
  readonly encoded: Tensors
}

/**
 * Teacher forcing over a batch of B images. Graph inputs: `features` `[B, R, F]`, `concepts` int32 `[B, K]`, `words`
 * int32 `[T, B*C]` (the ids fed at each step, image by image), `targets` int32 `[P]` (the words to predict, without
 * padding) and `positions` int32 `[P]` (where each is predicted: (image * T + step) * C + caption): see packCaptions().
 * With `noise` dropout is on. If the batch is a shard, `rows` numbers its P words in the whole batch.
 */
export function predict(
  model: CaptionModel,
  { captions, steps, featureType = 'float16' }: BatchShape,
  noise?: Noise,
  rows?: NoiseRows,
): Predicted {
  const images = imageInputs(model.inputs, featureType)
  const words = input('words', [steps, captions === 1 ? 'B' : `${captions}*B`], 'int32')
  const targets = input('targets', ['P'], 'int32')
  const positions = input('positions', ['P'], 'int32')
  const encoded = model.encode(images, noise)
  const { hidden } = force(model, words, encoded, captions, noise)
  const states = gather(reshape(hidden, [-1, hidden.shape[2]!]), positions)
  return {
    hidden: model.output.dropped(states, noise, rows),
    targets,
    captions: captionOf(positions, { captions, steps }),
    encoded,
  }
}

/** The caption of each word: image * C + caption, computed from (image * T + step) * C + caption. */
function captionOf(positions: Tensor, { captions, steps }: BatchShape): Tensor {
  const whole = (by: number): Tensor => constant(by, 'int32')
  const imageStep = div(positions, whole(captions))
  const caption = sub(positions, mul(imageStep, whole(captions)))
  return add(mul(div(imageStep, whole(steps)), whole(captions)), caption)
}

/** The mean loss of a batch's words, in nats: a scalar. With `noise` dropout is on. */
export function captionLoss(model: CaptionModel, options: LossOptions, noise?: Noise): Tensor {
  const losses = options.objective.losses(predict(model, options, noise), model.output)
  return div(sum(losses), count(losses, [0]))
}

/**
 * One training step as an ONNX model: forward, backward, clipping and Adam. Its inputs are those of predict() and of
 * the objective, every weight, its moments, and the scalars `seed` and `step` (int32), `stepSize` and `epsilon` (see
 * adamRates()). Its outputs are those of updates().
 */
export function trainingStep(model: CaptionModel, options: StepOptions): Uint8Array {
  const noise = new Noise(input('seed', [], 'int32'), input('step', [], 'int32'))
  return toOnnx(updates([...model.parameters.values()], captionLoss(model, options, noise), options))
}

/**
 * The first half of a training step as an ONNX model: forward and backward for a shard, some consecutive images of a
 * batch. Summed over the shards, `loss` and the gradients (see gradientName()) are those of the whole batch, and
 * updateStep() is the second half. Its inputs are those of predict() and of the objective, every weight, `seed`,
 * `step`, and what places the shard in the batch, all int32: the scalars `imagesBefore`, `imagesTotal` and `rowsTotal`
 * (images of the shards before, images and words of the batch), and `rows` `[P]`, the number of each word among those
 * of the batch. The gradients are of the type `type`.
 */
export function gradientStep(model: CaptionModel, options: LossOptions, type?: GradientType): Uint8Array {
  const scalar = (name: string): Tensor => input(name, [], 'int32')
  const shard = { before: scalar('imagesBefore'), total: scalar('imagesTotal') }
  const rows = { numbers: input('rows', ['P'], 'int32'), total: scalar('rowsTotal') }
  const noise = new Noise(scalar('seed'), scalar('step'), shard)
  const losses = options.objective.losses(predict(model, options, noise, rows), model.output)
  const loss = div(sum(losses), cast(rows.total, 'float32'))
  const parameters = [...model.parameters.values()]
  return toOnnx(gradientOutputs(parameters, loss, gradientsOf(parameters, loss), type))
}
