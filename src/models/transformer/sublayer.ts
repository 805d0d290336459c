import { add, relu, type Tensor } from '../../graph/index.ts'
import { dropout } from '../../nn/dropout.ts'
import { xavierUniform } from '../../nn/init.ts'
import { LayerNorm } from '../../nn/layernorm.ts'
import { Linear } from '../../nn/linear.ts'
import type { Noise } from '../../nn/noise.ts'
import type { Scope } from '../../nn/scope.ts'

/** The sizes of a layer of the Transformer. */
export interface LayerConfig {
  readonly hiddenSize: number
  readonly numHeads: number
  /** hidden width of the feed-forward layers */
  readonly innerSize: number
  readonly dropout: number
}

/**
 * The residual around a sublayer f, normalized first (pre-LN): x + dropout(f(LN(x))), with the unbiased variance in LN
 * as in the published captioners.
 */
export class Residual {
  readonly #norm: LayerNorm
  readonly #dropout: number

  /** Registers `weight` and `bias` of the norm. */
  constructor(scope: Scope, { hiddenSize, dropout: rate }: LayerConfig) {
    this.#norm = new LayerNorm(scope, hiddenSize, { unbiased: true })
    this.#dropout = rate
  }

  /** LN(x), `[…, D]`, for f. */
  normalized(x: Tensor): Tensor {
    return this.#norm.forward(x)
  }

  /** x + dropout(y), for y = f(normalized(x)). */
  sum(x: Tensor, y: Tensor, noise: Noise | undefined): Tensor {
    return add(x, dropout(y, this.#dropout, noise))
  }
}

/** The feed-forward sublayer with its residual: x + dropout(W_2 dropout(relu(W_1 LN(x) + b_1)) + b_2). */
export class FeedForwardSublayer {
  readonly #residual: Residual
  readonly #inner: Linear
  readonly #outer: Linear
  readonly #dropout: number

  /** Registers `norm`, `inner` `[innerSize, D]` and `outer` `[D, innerSize]`. */
  constructor(scope: Scope, config: LayerConfig) {
    const { hiddenSize, innerSize } = config
    const weightInit = xavierUniform
    this.#residual = new Residual(scope.at('norm'), config)
    this.#inner = new Linear(scope.at('inner'), hiddenSize, innerSize, { weightInit })
    this.#outer = new Linear(scope.at('outer'), innerSize, hiddenSize, { weightInit })
    this.#dropout = config.dropout
  }

  /** `[…, D]` → `[…, D]` */
  forward(x: Tensor, noise: Noise | undefined): Tensor {
    const inner = relu(this.#inner.forward(this.#residual.normalized(x)))
    return this.#residual.sum(x, this.#outer.forward(dropout(inner, this.#dropout, noise)), noise)
  }
}
