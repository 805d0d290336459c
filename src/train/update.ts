import { gradients, input, type Tensor } from '../graph/index.ts'
import { add, clip, less, where } from '../graph/ops/index.ts'
import type { Parameter } from '../nn/scope.ts'
import { toOnnx } from '../onnx/export.ts'
import { type AdamOptions, adam, type Clipping, clipGradients } from './optimizer.ts'

/** The names under which a weight's moments enter and leave a step. */
export const momentNames = (name: string): { first: string; second: string } => ({
  first: `adam.first.${name}`,
  second: `adam.second.${name}`,
})

/** The name of a weight's gradient between the two halves of a step. */
export const gradientName = (name: string): string => `gradient.${name}`

/** How gradients become updates. */
export interface UpdateOptions {
  readonly adam: AdamOptions
  readonly clipping: Clipping
}

/** The gradient of a loss for each parameter, in their order and shapes. */
export const gradientsOf = (parameters: readonly Parameter[], loss: Tensor): readonly Tensor[] =>
  gradients(
    loss,
    parameters.map(({ tensor }) => tensor),
  )

/** The outputs of the first half of a step: `loss`, and each weight's gradient under gradientName(). */
export const gradientOutputs = (
  parameters: readonly Parameter[],
  loss: Tensor,
  each: readonly Tensor[],
): Record<string, Tensor> => ({
  loss,
  ...Object.fromEntries(parameters.map(({ name }, i) => [gradientName(name), each[i]!])),
})

/**
 * The outputs of a whole step that lowers a loss by Adam: `loss`, `gradientNorm`, and each new weight and moment, named `next.` and its name.
 * Each of these may be written where the old one is: nothing reads a weight after its update. For the updates wait for the loss, which
 * comes from all that reads weights forward, and for the norm, which comes from all that reads them backward.
 */
export function updates(
  parameters: readonly Parameter[],
  loss: Tensor,
  options: UpdateOptions,
): Record<string, Tensor> {
  const { clipped, norm } = clipGradients(gradientsOf(parameters, loss), options.clipping)
  const rate = after(add(loss, norm), input('rate', []))
  return { loss, gradientNorm: norm, ...applied(parameters, clipped, rate, options) }
}

/**
 * The second half of a step as an ONNX model: clips the gradients of a batch, inputs under gradientName(), and updates weights and moments.
 * Beside the gradients it takes every weight, its moments, and the scalars `rate` and `floor`. Its outputs are those of a whole step but for
 * the loss, and may be written in place too.
 */
export function updateStep(parameters: readonly Parameter[], options: UpdateOptions): Uint8Array {
  const given = parameters.map(({ name, shape }) => input(gradientName(name), shape))
  const { clipped, norm } = clipGradients(given, options.clipping)
  return toOnnx({ gradientNorm: norm, ...applied(parameters, clipped, input('rate', []), options) })
}

/** Each new weight and moment, named `next.` and its name. */
function applied(
  parameters: readonly Parameter[],
  clipped: readonly Tensor[],
  rate: Tensor,
  { adam: options, clipping }: UpdateOptions,
): Record<string, Tensor> {
  const rates = { rate, floor: input('floor', []) }
  const outputs: Record<string, Tensor> = {}
  for (const [i, { name, tensor, shape }] of parameters.entries()) {
    const names = momentNames(name)
    const before = { first: input(names.first, shape), second: input(names.second, shape) }
    const clamped = clipping.kind === 'weight-clamp' && isDecoders(name)
    const start = clamped ? clip(tensor, -clipping.limit, clipping.limit) : tensor
    const { weight, moments } = adam(start, clipped[i]!, before, rates, options)
    outputs[`next.${name}`] = weight
    outputs[`next.${names.first}`] = moments.first
    outputs[`next.${names.second}`] = moments.second
  }
  return outputs
}

/** The number `x`, known only once `before` is: a choice between it and itself, which ONNX Runtime does not simplify. */
const after = (before: Tensor, x: Tensor): Tensor => where(less(before, 0), x, x)

/** The weights that the published code clamps: the decoder's and the word embedding. */
const isDecoders = (name: string): boolean => name.startsWith('decoder.') || name.startsWith('words.')
