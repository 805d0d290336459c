import { add, clip, div, mul, sqrt, sub, sum } from '../graph/ops/index.ts'
import type { Tensor } from '../graph/tensor.ts'

export interface AdamOptions {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
}

/** The published optimizer (section 5.2 of the paper; epsilon is PyTorch's). */
export const publishedAdam: AdamOptions = { beta1: 0.8, beta2: 0.999, epsilon: 1e-8 }

/** What each weight carries from step to step: decaying sums of its gradient and of its square (Adam's moments times 1/(1-β)). */
export interface Moments {
  readonly first: Tensor
  readonly second: Tensor
}

/** The two numbers of a step that Adam computes from the step's number, in float64. */
export interface AdamRates {
  /** what the ratio of the moments is multiplied by */
  readonly rate: number
  /** what is added to the root of the second moment */
  readonly floor: number
}

/**
 * Adam (Kingma and Ba 2015) for one weight, with sums instead of means, which saves two passes over every weight: with s₁ = m/(1-β₁) and
 * s₂ = v/(1-β₂), s₁ ← β₁ s₁ + g, s₂ ← β₂ s₂ + g², w ← w - rate s₁/(√s₂ + floor). The bias corrections are in the rates.
 */
export function adam(
  weight: Tensor,
  gradient: Tensor,
  { first, second }: Moments,
  { rate, floor }: { readonly rate: Tensor; readonly floor: Tensor },
  { beta1, beta2 }: AdamOptions,
): { weight: Tensor; moments: Moments } {
  const s1 = add(mul(first, beta1), gradient)
  const s2 = add(mul(second, beta2), mul(gradient, gradient))
  return { weight: sub(weight, div(mul(s1, rate), add(sqrt(s2), floor))), moments: { first: s1, second: s2 } }
}

/** The rates of step `step` (the first is 1) at learning rate `learningRate`. */
export function adamRates(step: number, learningRate: number, { beta1, beta2, epsilon }: AdamOptions): AdamRates {
  const first = (1 - beta1) / (1 - beta1 ** step)
  const second = Math.sqrt((1 - beta2) / (1 - beta2 ** step))
  return { rate: (learningRate * first) / second, floor: epsilon / second }
}

/** How gradients are kept small; `weight-clamp` is what the published code does instead: it clamps the decoder's weights before each step. */
export type Clipping =
  | { readonly kind: 'none' }
  | { readonly kind: 'value' | 'norm' | 'weight-clamp'; readonly limit: number }

/** The gradients, clipped, and their norm before that. */
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
