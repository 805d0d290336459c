import { input, type Tensor } from '../graph/index.ts'
import { cast, count, div, gather, linearCrossEntropy, reshape, sum } from '../graph/ops/index.ts'
import type { LstmCaptioner, Prepared } from '../models/lstm/captioner.ts'
import { unroll } from '../models/lstm/unroll.ts'
import { dropout } from '../nn/dropout.ts'
import { Noise } from '../nn/noise.ts'
import { toOnnx } from '../onnx/export.ts'
import type { AdamOptions, Clipping } from './optimizer.ts'
import { updates } from './update.ts'

/** The sizes of a batch that the graph is unrolled for. */
export interface BatchShape {
  /** captions of each image */
  readonly captions: number
  /** times the recurrence is unrolled */
  readonly steps: number
  /** how features are given; by default float16, as they are stored */
  readonly featureType?: 'float16' | 'float32'
}

export interface LossOptions extends BatchShape {
  readonly labelSmoothing: number
}

export interface StepOptions extends LossOptions {
  readonly adam: AdamOptions
  readonly clipping: Clipping
}

/** What the captions of a batch are predicted from, and what is to be predicted. */
export interface Predictions {
  /** what the output layer is given at each word `[P, D]` */
  readonly states: Tensor
  /** the words `[P]` */
  readonly targets: Tensor
  readonly prepared: Prepared
}

/**
 * Teacher forcing: the states that predict each word of a batch. Graph inputs: `features` `[B, R, F]`, `concepts` int32 `[B, K]`, `words` int32
 * `[steps, B*captions]` (what is fed at each step, rows image by image), `targets` int32 `[P]` (the words to predict, padding left out) and
 * `positions` int32 `[P]` (where each is predicted: (image * steps + step) * captions + caption).
 */
export function predict(
  model: LstmCaptioner,
  { captions, steps, featureType = 'float16' }: BatchShape,
  noise?: Noise,
): Predictions {
  const { config } = model
  const features = cast(input('features', ['B', config.regions, config.featureSize], featureType), 'float32')
  const concepts = input('concepts', ['B', config.concepts], 'int32')
  const words = input('words', [steps, captions === 1 ? 'B' : `${captions}*B`], 'int32')
  const targets = input('targets', ['P'], 'int32')
  const positions = input('positions', ['P'], 'int32')

  const prepared = model.prepare(features, concepts, noise)
  const hidden = unroll(model, words, prepared, captions)
  const all = model.attend(hidden, prepared, noise).states
  const states = dropout(gather(reshape(all, [-1, config.hiddenSize]), positions), config.dropout, noise)
  return { states, targets, prepared }
}

/** The mean over words of the label-smoothed cross-entropy, in nats. */
export function captionLoss(model: LstmCaptioner, options: LossOptions, noise?: Noise): Tensor {
  const { states, targets } = predict(model, options, noise)
  const losses = linearCrossEntropy(states, model.output.weight, model.output.bias, targets, options.labelSmoothing)
  return div(sum(losses), count(losses, [0]))
}

/**
 * One training step as an ONNX model: forward, backward, clipping and Adam. Beside the inputs of predict() it takes every weight, its moments
 * and the scalars `seed`, `step` (int32), `rate` and `floor` (see adamRates()); out come `loss`, `gradientNorm` and every weight and moment anew,
 * under `next.` and its name.
 */
export function trainingStep(model: LstmCaptioner, options: StepOptions): Uint8Array {
  const noise = new Noise(input('seed', [], 'int32'), input('step', [], 'int32'))
  return toOnnx(updates([...model.parameters.values()], captionLoss(model, options, noise), options))
}
