import { layerNorm, type Tensor } from '../graph/index.ts'
import { ones, zeros } from './init.ts'
import type { Scope } from './scope.ts'

/**
 * Layer normalization (Ba et al. 2016) over the last axis, with learned scale and bias: (x - mean) / √(var + ε)·w + b.
 * The variance is the biased one.
 */
export class LayerNorm {
  readonly #scale: Tensor
  readonly #bias: Tensor

  /** Registers `weight` and `bias`, `[size]` each, initialized to 1 and 0. */
  constructor(scope: Scope, size: number) {
    this.#scale = scope.parameter('weight', [size], ones)
    this.#bias = scope.parameter('bias', [size], zeros)
  }

  /** `[…, size]` → `[…, size]` */
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.#scale, this.#bias)
  }
}
