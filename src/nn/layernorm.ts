import { layerNorm, mul, type Tensor } from '../graph/index.ts'
import { ones, zeros } from './init.ts'
import type { Scope } from './scope.ts'

/** The options of layer normalization. */
export interface LayerNormOptions {
  /** whether the variance is the unbiased one, with divisor n - 1; by default it is not */
  readonly unbiased?: boolean
}

/**
 * Layer normalization (Ba et al. 2016) over the last axis, with learned scale and bias: (x - mean) / √(var + ε)·w + b.
 * The variance is the biased one, as in PyTorch, or the unbiased one, as in "The Annotated Transformer" (Rush 2018), on
 * which published captioners are built. Those add their ε of 1e-6 to the standard deviation; here 1e-6 is added to the
 * variance, which differs by less than 1e-4 for deviations above 0.01 and never divides by zero.
 */
export class LayerNorm {
  readonly #scale: Tensor
  readonly #bias: Tensor
  readonly #unbiased: number | undefined

  /** Registers `weight` and `bias`, `[size]` each, initialized to 1 and 0. */
  constructor(scope: Scope, size: number, { unbiased = false }: LayerNormOptions = {}) {
    this.#scale = scope.parameter('weight', [size], ones)
    this.#bias = scope.parameter('bias', [size], zeros)
    this.#unbiased = unbiased ? Math.sqrt((size - 1) / size) : undefined
  }

  /** `[…, size]` → `[…, size]` */
  forward(x: Tensor): Tensor {
    if (this.#unbiased === undefined) return layerNorm(x, this.#scale, this.#bias)
    return layerNorm(x, mul(this.#scale, this.#unbiased), this.#bias, 1e-6)
  }
}
