import { add, type Tensor } from '../graph/index.ts'
import { MultiHeadAttention, type MultiHeadAttentionOptions } from './attention.ts'
import { dropout } from './dropout.ts'
import { LayerNorm } from './layernorm.ts'
import type { Noise } from './noise.ts'
import type { Scope } from './scope.ts'

/**
 * Multi-head attention as MIA uses it (published code, Layers.py): keys and values are one stream, and the residual is
 * that stream, not the queries. So there must be as many queries as values:
 *
 *     LN(dropout(MultiHead(q, v, v)) + v)
 */
export class MiaAttention {
  readonly #attention: MultiHeadAttention
  readonly #norm: LayerNorm
  readonly #dropout: number

  constructor(scope: Scope, options: MultiHeadAttentionOptions) {
    this.#attention = new MultiHeadAttention(scope, options)
    this.#norm = new LayerNorm(scope.at('norm'), options.hiddenSize)
    this.#dropout = options.dropout
  }

  /**
   * Queries and values `[B, N, D]` → `[B, N, D]`, and the weights `[B, heads, N, N]`; `mask` `[B|1, N]` is 1 for the
   * keys that take part.
   */
  forward(query: Tensor, value: Tensor, noise: Noise | undefined, mask?: Tensor): { output: Tensor; weights: Tensor } {
    const { output, weights } = this.#attention.forward(query, value, value, noise, mask)
    return { output: this.#norm.forward(add(dropout(output, this.#dropout, noise), value)), weights }
  }
}
