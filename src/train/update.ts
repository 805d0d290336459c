import { add, cast, clip, gradients, input, less, mul, type Tensor, where } from '../graph/index.ts'
import type { Parameter } from '../nn/scope.ts'
import { toOnnx } from '../onnx/export.ts'
import type { GradientType } from './hyperparameters.ts'
import { type AdamOptions, adam, type Clipping, clipGradients } from './optimizer.ts'

/** The graph inputs of a weight's moments. */
export const momentNames = (name: string): { first: string; second: string } => ({
  first: `adam.first.${name}`,
  second: `adam.second.${name}`,
})

/** The name of a weight's gradient: an output of gradientStep(), an input of updateStep(). */
export const gradientName = (name: string): string => `gradient.${name}`

/**
 * What gradients are multiplied by before they become float16: a power of two, so that this rounds nothing. The
 * smallest ones that keep all 11 bits are then 6e-8, and those beyond 64 are cut off, which clipping would do anyway.
 */
const FLOAT16_SCALE = 1024
const LARGEST_FLOAT16 = 65504

/** How gradients become new weights. */
export interface UpdateOptions {
  readonly adam: AdamOptions
  readonly clipping: Clipping
  /** what the learning rate of a parameter is multiplied by, by default 1 */
  readonly rateOf?: (name: string) => number
}

/** The gradient of a scalar loss for each parameter, in their order and shapes. */
export const gradientsOf = (parameters: readonly Parameter[], loss: Tensor): readonly Tensor[] =>
  gradients(
    loss,
    parameters.map(({ tensor }) => tensor),
  )

/** The outputs of gradientStep(): `loss`, and `each` gradient under its gradientName(), in the type `type`. */
export const gradientOutputs = (
  parameters: readonly Parameter[],
  loss: Tensor,
  each: readonly Tensor[],
  type: GradientType = 'float32',
): Record<string, Tensor> => ({
  loss,
  ...Object.fromEntries(parameters.map(({ name }, i) => [gradientName(name), sent(each[i]!, type)])),
})

/** A gradient in the type in which it is sent. */
const sent = (gradient: Tensor, type: GradientType): Tensor =>
  type === 'float32' ? gradient : cast(clip(mul(gradient, FLOAT16_SCALE), -LARGEST_FLOAT16, LARGEST_FLOAT16), 'float16')

/** The reverse of sent(). */
const received = (gradient: Tensor): Tensor =>
  gradient.dtype === 'float32' ? gradient : mul(cast(gradient, 'float32'), 1 / FLOAT16_SCALE)

/**
 * The outputs of a whole training step by Adam: `loss`, `gradientNorm` (before clipping), and each new weight and
 * moment, named `next.` and its name. They may be written into the arrays of the old ones, because nothing reads a
 * weight after its update: every update waits for the loss, which depends on all that reads weights in the forward
 * pass, and for the norm, which depends on all that reads them in the backward pass.
 */
export function updates(
  parameters: readonly Parameter[],
  loss: Tensor,
  options: UpdateOptions,
): Record<string, Tensor> {
  const { clipped, norm } = clipGradients(gradientsOf(parameters, loss), options.clipping)
  const stepSize = after(add(loss, norm), input('stepSize', []))
  return { loss, gradientNorm: norm, ...applied(parameters, clipped, stepSize, options) }
}

/**
 * The second half of a training step as an ONNX model: clips the gradients of a batch and updates weights and moments.
 * Its inputs are each gradient under its gradientName(), each weight, its moments, and the scalars `stepSize` and
 * `epsilon` of adamRates(). Its outputs are those of updates() without the loss, and may be written in place too. The
 * gradients are of the type `type`, as gradientOutputs() has them.
 */
export function updateStep(
  parameters: readonly Parameter[],
  options: UpdateOptions,
  type: GradientType = 'float32',
): Uint8Array {
  const given = parameters.map(({ name, shape }) => received(input(gradientName(name), shape, type)))
  const { clipped, norm } = clipGradients(given, options.clipping)
  return toOnnx({ gradientNorm: norm, ...applied(parameters, clipped, input('stepSize', []), options) })
}

/** Each new weight and moment, named `next.` and its name. */
function applied(
  parameters: readonly Parameter[],
  clipped: readonly Tensor[],
  stepSize: Tensor,
  { adam: options, clipping, rateOf = () => 1 }: UpdateOptions,
): Record<string, Tensor> {
  const epsilon = input('epsilon', [])
  const outputs: Record<string, Tensor> = {}
  for (const [i, { name, tensor, shape }] of parameters.entries()) {
    const names = momentNames(name)
    const before = { first: input(names.first, shape), second: input(names.second, shape) }
    const clamped = clipping.kind === 'weight-clamp' && isDecoders(name)
    const start = clamped ? clip(tensor, -clipping.limit, clipping.limit) : tensor
    const rate = rateOf(name)
    const rates = { stepSize: rate === 1 ? stepSize : mul(stepSize, rate), epsilon }
    const { weight, moments } = adam(start, clipped[i]!, before, rates, options)
    outputs[`next.${name}`] = weight
    outputs[`next.${names.first}`] = moments.first
    outputs[`next.${names.second}`] = moments.second
  }
  return outputs
}

/** Returns `x`, but computed after `before`: where(c, x, x), which ONNX Runtime does not simplify. */
const after = (before: Tensor, x: Tensor): Tensor => where(less(before, 0), x, x)

/** Whether the published code clamps a weight: it clamps the decoder's and the word embedding. */
const isDecoders = (name: string): boolean => name.startsWith('decoder.') || name.startsWith('words.')
