import { add, matmul, reshape, softmax, type Tensor, transpose } from '../graph/index.ts'
import { dropout } from './dropout.ts'
import { type Init, normal, xavierNormal } from './init.ts'
import { Linear } from './linear.ts'
import { keyBias } from './mask.ts'
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
  /** initializer of all weights; by default MIA's: normal with variance 2/(D + D/heads), and Xavier for the output */
  readonly weightInit?: Init
}

/** The keys and values of N rows for attend(), `[B, heads, N, D/heads]` each. */
export interface KeysAndValues {
  readonly keys: Tensor
  readonly values: Tensor
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

  constructor(scope: Scope, { hiddenSize, numHeads, dropout: rate, weightInit: given }: MultiHeadAttentionOptions) {
    const weightInit = given ?? normal(Math.sqrt(2 / (hiddenSize + hiddenSize / numHeads)))
    const linear = (name: string, init: Init): Linear =>
      new Linear(scope.at(name), hiddenSize, hiddenSize, { weightInit: init })
    this.#query = linear('query', weightInit)
    this.#key = linear('key', weightInit)
    this.#value = linear('value', weightInit)
    this.#output = linear('output', given ?? xavierNormal)
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
    return this.attend(query, { keys: this.#keys(key), values: this.#values(value) }, noise, mask && keyBias(mask))
  }

  /** The keys and values of rows `[B, N, D]`. */
  keysAndValues(rows: Tensor): KeysAndValues {
    return { keys: this.#keys(rows), values: this.#values(rows) }
  }

  /**
   * Queries `[B, M, D]` over keys and values of N rows → `[B, M, D]`, and the attention weights `[B, heads, M, N]`.
   * `bias`, which broadcasts to the weights, is added before the softmax: 0, or -1e9 for keys that do not take part.
   */
  attend(
    query: Tensor,
    { keys, values }: KeysAndValues,
    noise: Noise | undefined,
    bias?: Tensor,
  ): { output: Tensor; weights: Tensor } {
    const q_BHMD = this.#heads(this.#query.forward(query))
    const scale = 1 / Math.sqrt(q_BHMD.shape[3] as number)
    const scores = matmul(q_BHMD, keys, { transB: true, scale })
    const weights = softmax(bias ? add(scores, bias) : scores)
    const mixed_BHMD = matmul(dropout(weights, this.#dropout, noise), values)
    const mixed = reshape(transpose(mixed_BHMD, [0, 2, 1, 3]), query.shape)
    return { output: this.#output.forward(mixed), weights }
  }

  #keys(rows: Tensor): Tensor {
    return this.#heads(this.#key.forward(rows))
  }

  #values(rows: Tensor): Tensor {
    return this.#heads(this.#value.forward(rows))
  }

  /** `[B, N, D]` → `[B, heads, N, D/heads]` */
  #heads(x: Tensor): Tensor {
    const [batch, count] = x.shape
    return transpose(reshape(x, [batch!, count!, this.#numHeads, -1]), [0, 2, 1, 3])
  }
}
