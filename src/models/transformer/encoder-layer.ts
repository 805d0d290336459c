import type { Tensor } from '../../graph/index.ts'
import { MultiHeadAttention } from '../../nn/attention.ts'
import { xavierUniform } from '../../nn/init.ts'
import type { Noise } from '../../nn/noise.ts'
import type { Scope } from '../../nn/scope.ts'
import { FeedForwardSublayer, type LayerConfig, Residual } from './sublayer.ts'

/** A layer of the Transformer's encoder, normalized first: x += MHA(LN(x)); x += FFN(LN(x)). */
export class EncoderLayer {
  readonly #residual: Residual
  readonly #attention: MultiHeadAttention
  readonly #feedForward: FeedForwardSublayer

  /** Registers `norm`, `attention` and `feedForward`. */
  constructor(scope: Scope, config: LayerConfig) {
    this.#residual = new Residual(scope.at('norm'), config)
    this.#attention = new MultiHeadAttention(scope.at('attention'), { ...config, weightInit: xavierUniform })
    this.#feedForward = new FeedForwardSublayer(scope.at('feedForward'), config)
  }

  /** `[B, R, D]` → `[B, R, D]`; `bias` `[B, 1, 1, R]` hides padding, see keyBias(). */
  forward(x: Tensor, noise: Noise | undefined, bias: Tensor | undefined): Tensor {
    const y = this.#residual.normalized(x)
    const { output } = this.#attention.attend(y, this.#attention.keysAndValues(y), noise, bias)
    return this.#feedForward.forward(this.#residual.sum(x, output, noise), noise)
  }
}
