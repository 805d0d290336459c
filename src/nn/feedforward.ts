import { add, relu, type Tensor } from '../graph/index.ts'
import { dropout } from './dropout.ts'
import { LayerNorm } from './layernorm.ts'
import { Linear } from './linear.ts'
import type { Noise } from './noise.ts'
import type { Scope } from './scope.ts'

/**
 * The position-wise feed-forward layer of a Transformer (Vaswani et al. 2017, section 3.3) with residual and post-norm:
 *
 *     LN(dropout(W_2 relu(W_1 x + b_1) + b_2) + x)
 */
export class FeedForward {
  readonly #inner: Linear
  readonly #outer: Linear
  readonly #norm: LayerNorm
  readonly #dropout: number

  /** Registers `inner` `[innerSize, size]`, `outer` `[size, innerSize]` and `norm`; `rate` is the dropout rate. */
  constructor(scope: Scope, size: number, innerSize: number, rate: number) {
    this.#inner = new Linear(scope.at('inner'), size, innerSize)
    this.#outer = new Linear(scope.at('outer'), innerSize, size)
    this.#norm = new LayerNorm(scope.at('norm'), size)
    this.#dropout = rate
  }

  /** `[…, size]` → `[…, size]`; without `noise` there is no dropout. */
  forward(x: Tensor, noise: Noise | undefined): Tensor {
    const y = this.#outer.forward(relu(this.#inner.forward(x)))
    return this.#norm.forward(add(dropout(y, this.#dropout, noise), x))
  }
}
