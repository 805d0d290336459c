import { gradients, input, type Tensor } from '../graph/index.ts'
import { add, clip, less, where } from '../graph/ops/index.ts'
import type { Parameter } from '../nn/scope.ts'
import { type AdamOptions, adam, type Clipping, clipGradients } from './optimizer.ts'

/** The names under which a weight's moments enter and leave a step. */
export const momentNames = (name: string): { first: string; second: string } => ({
  first: `adam.first.${name}`,
  second: `adam.second.${name}`,
})

/**
 * The outputs of a training step that lowers a loss by Adam: the loss, the gradient's norm, and each weight and moment anew under `next.` and its name.
 * Each of these may be written where the old one lies: nothing reads a weight after its update. For the updates wait for the loss, which comes from
 * all that reads weights forward, and for the norm, which comes from all that reads them backward.
 */
export function updates(
  parameters: readonly Parameter[],
  loss: Tensor,
  { adam: options, clipping }: { readonly adam: AdamOptions; readonly clipping: Clipping },
): Record<string, Tensor> {
  const { clipped, norm } = clipGradients(
    gradients(
      loss,
      parameters.map((p) => p.tensor),
    ),
    clipping,
  )
  const rates = { rate: after(add(loss, norm), input('rate', [])), floor: input('floor', []) }
  const outputs: Record<string, Tensor> = { loss, gradientNorm: norm }
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

/** The number `x`, known only once `before` is: a choice between it and itself. */
const after = (before: Tensor, x: Tensor): Tensor => where(less(before, 0), x, x)

/** The weights that the published code clamps: the decoder's, the word embedding among them. */
const isDecoders = (name: string): boolean => name.startsWith('decoder.') || name.startsWith('words.')
