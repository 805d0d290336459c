import { add, matmul, reshape, softmax, type Tensor, transpose } from '../graph/index.ts'
import { dropout } from './dropout.ts'
import { type Init, normal, xavierNormal } from './init.ts'
import { Linear } from './linear.ts'
import { maskBias } from './mask.ts'
import type { Noise } from './noise.ts'
import type { Scope } from './scope.ts'

/** The sizes and options of multi-head attention. */
export interface MultiHeadAttentionOptions {
  /** the model width, D */
  readonly hiddenSize: number
  /** the number of heads, each of width D / `numHeads` */
  readonly numHeads: number
  /** dropout rate of the attention weights */
  readonly dropout: number
}

/**
 * Multi-head attention (Vaswani et al. 2017) of M queries over N keys and values, without residual and norm:
 *
 *     W_o concat_h(dropout(softmax(q W_q (k W_k)ᵀ / √d_head)) v W_v) + b_o
 */
export class MultiHeadAttention {
  readonly #query: Linear
  readonly #key: Linear
  readonly #value: Linear
  readonly #output: Linear
  readonly #numHeads: number
  readonly #dropout: number

  constructor(scope: Scope, { hiddenSize, numHeads, dropout: rate }: MultiHeadAttentionOptions) {
    const weightInit = normal(Math.sqrt(2 / (hiddenSize + hiddenSize / numHeads)))
    const linear = (name: string, init: Init): Linear =>
      new Linear(scope.at(name), hiddenSize, hiddenSize, { weightInit: init })
    this.#query = linear('query', weightInit)
    this.#key = linear('key', weightInit)
    this.#value = linear('value', weightInit)
    this.#output = linear('output', xavierNormal)
    this.#numHeads = numHeads
    this.#dropout = rate
  }

  /**
   * Queries `[B, M, D]` over keys and values `[B, N, D]` → `[B, M, D]`, and the attention weights `[B, heads, M, N]`.
   * `mask` `[B|1, N]` is 1 for the keys that take part.
   */
  forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    noise: Noise | undefined,
    mask?: Tensor,
  ): { output: Tensor; weights: Tensor } {
    const [q_BHMD, k_BHND, v_BHND] = [
      this.#heads(this.#query.forward(query)),
      this.#heads(this.#key.forward(key)),
      this.#heads(this.#value.forward(value)),
    ]
    const scale = 1 / Math.sqrt(q_BHMD.shape[3] as number)
    const scores = matmul(q_BHMD, k_BHND, { transB: true, scale })
    const weights = softmax(
      mask ? add(scores, reshape(maskBias(mask), [mask.shape[0]!, 1, 1, mask.shape[1]!])) : scores,
    )
    const mixed_BHMD = matmul(dropout(weights, this.#dropout, noise), v_BHND)
    const mixed = reshape(transpose(mixed_BHMD, [0, 2, 1, 3]), query.shape)
    return { output: this.#output.forward(mixed), weights }
  }

  /** `[B, N, D]` → `[B, heads, N, D/heads]` */
  #heads(x: Tensor): Tensor {
    const [batch, count] = x.shape
    return transpose(reshape(x, [batch!, count!, this.#numHeads, -1]), [0, 2, 1, 3])
  }
}
