import { add, matmul, reshape, softmax, type Tensor, tanh } from '../graph/index.ts'
import { dropout } from '../nn/dropout.ts'
import { Linear } from '../nn/linear.ts'
import { maskBias } from '../nn/mask.ts'
import type { Noise } from '../nn/noise.ts'
import type { Scope } from '../nn/scope.ts'

/**
 * Additive attention of words over regions (Bahdanau et al. 2015; the decoder of Xu et al. 2015):
 *
 *     z_i = wᵀ dropout(tanh(W_x dropout(x_i) + W_h dropout(h))),  α = softmax(z),  c = Σ_i α_i x_i
 *
 * W_x and W_h have biases or not. w needs none: the softmax would not change.
 */
export class RegionAttention {
  readonly #region: Linear
  readonly #hidden: Linear
  readonly #score: Linear
  readonly #dropout: number

  /**
   * Registers W_x as `region` and W_h as `hidden`, `[size, hiddenSize]` each, and w as `score` `[1, size]`; `rate` is
   * the dropout rate.
   */
  constructor(scope: Scope, hiddenSize: number, size: number, { rate, bias }: { rate: number; bias: boolean }) {
    this.#region = new Linear(scope.at('region'), hiddenSize, size, { bias })
    this.#hidden = new Linear(scope.at('hidden'), hiddenSize, size, { bias })
    this.#score = new Linear(scope.at('score'), size, 1, { bias: false })
    this.#dropout = rate
  }

  /** The keys W_x dropout(X): regions `[B, R, D]` → `[B, R, A]`. They are the same for all words of an image. */
  keys(regions: Tensor, noise: Noise | undefined): Tensor {
    return this.#region.forward(dropout(regions, this.#dropout, noise))
  }

  /**
   * The hidden states of N words per image, `[B, N, D]`, attend to `regions` `[B, R, D]` through their keys(). Returns
   * the context c `[B, N, D]` and the attention weights α `[B, N, R]`. `mask` `[B, R]` is 0 for padded regions.
   */
  forward(
    hidden: Tensor,
    regions: Tensor,
    keys: Tensor,
    noise: Noise | undefined,
    mask?: Tensor,
  ): { context: Tensor; attention: Tensor } {
    const [images, words] = hidden.shape
    const [, count, size] = keys.shape
    const queries = this.#hidden.forward(dropout(hidden, this.#dropout, noise))
    const sums = add(reshape(keys, [images!, 1, count!, size!]), reshape(queries, [images!, words!, 1, size!]))
    const activated = dropout(tanh(sums), this.#dropout, noise)
    const scores = reshape(this.#score.forward(activated), [images!, words!, count!])
    const attention = softmax(mask ? add(scores, reshape(maskBias(mask), [images!, 1, count!])) : scores)
    return { context: matmul(attention, regions), attention }
  }
}
