import { add, matmul, reshape, softmax, transpose } from '../graph/ops/index.ts'
import type { Tensor } from '../graph/tensor.ts'
import { dropout } from './dropout.ts'
import { normal, xavierNormal } from './init.ts'
import { LayerNorm } from './layernorm.ts'
import { Linear } from './linear.ts'
import { maskBias } from './mask.ts'
import type { Noise } from './noise.ts'
import type { Scope } from './scope.ts'

export interface MultiHeadAttentionOptions {
  readonly hiddenSize: number
  readonly numHeads: number
  readonly dropout: number
}

/**
 * Multi-head attention (Vaswani et al. 2017) as MIA uses it: the residual is the value stream, so that queries and values must be equally many.
 *
 *     LN(dropout(W_o concat_h(dropout(softmax(q W_q (k W_k)ᵀ / √d_head)) v W_v) + b_o) + v),  with k = v
 */
export class MultiHeadAttention {
  readonly #query: Linear
  readonly #key: Linear
  readonly #value: Linear
  readonly #output: Linear
  readonly #norm: LayerNorm
  readonly #numHeads: number
  readonly #dropout: number

  constructor(scope: Scope, { hiddenSize, numHeads, dropout: rate }: MultiHeadAttentionOptions) {
    const weightInit = normal(Math.sqrt(2 / (hiddenSize + hiddenSize / numHeads)))
    this.#query = new Linear(scope.at('query'), hiddenSize, hiddenSize, { weightInit })
    this.#key = new Linear(scope.at('key'), hiddenSize, hiddenSize, { weightInit })
    this.#value = new Linear(scope.at('value'), hiddenSize, hiddenSize, { weightInit })
    this.#output = new Linear(scope.at('output'), hiddenSize, hiddenSize, { weightInit: xavierNormal })
    this.#norm = new LayerNorm(scope.at('norm'), hiddenSize)
    this.#numHeads = numHeads
    this.#dropout = rate
  }

  /**
   * `asking` and `answering` `[B, N, D]` → what the answering stream says to the asking one `[B, N, D]`, and how it attends `[B, heads, N, N]`.
   * `mask` `[B|1, N]` says which rows may answer.
   */
  forward(
    asking: Tensor,
    answering: Tensor,
    noise: Noise | undefined,
    mask?: Tensor,
  ): { output: Tensor; weights: Tensor } {
    const [q_BHND, k_BHND, v_BHND] = [
      this.#heads(this.#query.forward(asking)),
      this.#heads(this.#key.forward(answering)),
      this.#heads(this.#value.forward(answering)),
    ]
    const scale = 1 / Math.sqrt(q_BHND.shape[3] as number)
    const scores = matmul(q_BHND, k_BHND, { transB: true, scale })
    const weights = softmax(
      mask ? add(scores, reshape(maskBias(mask), [mask.shape[0]!, 1, 1, mask.shape[1]!])) : scores,
    )
    const mixed_BHND = matmul(dropout(weights, this.#dropout, noise), v_BHND)
    const mixed = reshape(transpose(mixed_BHND, [0, 2, 1, 3]), answering.shape)
    const projected = dropout(this.#output.forward(mixed), this.#dropout, noise)
    return { output: this.#norm.forward(add(projected, answering)), weights }
  }

  /** `[B, N, D]` → `[B, heads, N, D/heads]` */
  #heads(x: Tensor): Tensor {
    const [batch, count] = x.shape
    return transpose(reshape(x, [batch!, count!, this.#numHeads, -1]), [0, 2, 1, 3])
  }
}
