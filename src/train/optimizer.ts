import { add, clip, div, mul, sqrt, sub, sum, type Tensor } from '../graph/index.ts'
import type { AdamOptions } from './hyperparameters.ts'

export { type AdamOptions, PUBLISHED_ADAM } from './hyperparameters.ts'

/**
 * What Adam keeps of each weight, in the weight's shape: decaying sums of its gradient and of the squared gradient,
 * which are Adam's moments m and v divided by 1 - β.
 */
export interface Moments {
  readonly first: Tensor
  readonly second: Tensor
}

/** The scalars of a step, both with the bias corrections, computed in float64: see adam(). */
export interface AdamRates {
  /** the factor of s₁ */
  readonly stepSize: number
  /** the constant added to √s₂ */
  readonly epsilon: number
}

/**
 * Adam (Kingma and Ba, ICLR 2015) for one weight, with sums instead of means, which saves two passes over every weight:
 * with s₁ = m/(1-β₁) and s₂ = v/(1-β₂), s₁ ← β₁s₁ + g, s₂ ← β₂s₂ + g², w ← w - stepSize·s₁/(√s₂ + epsilon). Weight,
 * gradient and moments have one shape; `stepSize` and `epsilon` are scalars, those of adamRates().
 */
export function adam(
  weight: Tensor,
  gradient: Tensor,
  { first, second }: Moments,
  { stepSize, epsilon }: { readonly stepSize: Tensor; readonly epsilon: Tensor },
  { beta1, beta2 }: AdamOptions,
): { weight: Tensor; moments: Moments } {
  const s1 = add(mul(first, beta1), gradient)
  const s2 = add(mul(second, beta2), mul(gradient, gradient))
  return { weight: sub(weight, div(mul(s1, stepSize), add(sqrt(s2), epsilon))), moments: { first: s1, second: s2 } }
}

/** The scalars of adam() at optimizer step `step`, counted from 1. */
export function adamRates(step: number, learningRate: number, { beta1, beta2, epsilon }: AdamOptions): AdamRates {
  const first = (1 - beta1) / (1 - beta1 ** step)
  const second = Math.sqrt((1 - beta2) / (1 - beta2 ** step))
  return { stepSize: (learningRate * first) / second, epsilon: epsilon / second }
}

/**
 * Gradient clipping: `value` clips each number to [-limit, limit], `norm` scales all gradients to the norm `limit`.
 * `weight-clamp` is the published code's variant: it clamps the decoder's weights before each step.
 */
export type Clipping =
  | { readonly kind: 'none' }
  | { readonly kind: 'value' | 'norm' | 'weight-clamp'; readonly limit: number }

/** Returns the clipped gradients, and the L2 norm of all of them before clipping, a scalar. */
export function clipGradients(
  gradients: readonly Tensor[],
  clipping: Clipping,
): { clipped: readonly Tensor[]; norm: Tensor } {
  const norm = sqrt(gradients.map((g) => sum(mul(g, g))).reduce((a, b) => add(a, b)))
  if (clipping.kind === 'value')
    return { clipped: gradients.map((g) => clip(g, -clipping.limit, clipping.limit)), norm }
  if (clipping.kind === 'norm') {
    const factor = clip(div(clipping.limit, norm), 0, 1)
    return { clipped: gradients.map((g) => mul(g, factor)), norm }
  }
  return { clipped: gradients, norm }
}
