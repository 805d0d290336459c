import { add, matmul, reshape, softmax, tanh } from '../../graph/ops/index.ts'
import type { Tensor } from '../../graph/tensor.ts'
import { dropout } from '../../nn/dropout.ts'
import { Linear } from '../../nn/linear.ts'
import { maskBias } from '../../nn/mask.ts'
import type { Noise } from '../../nn/noise.ts'
import type { Scope } from '../../nn/scope.ts'

/** Additive attention of words over regions: z = wᵀ tanh(W_x dropout(X) + W_h dropout(h)), c = Σ softmax(z)_i x_i. */
export class RegionAttention {
  readonly #region: Linear
  readonly #hidden: Linear
  readonly #score: Linear
  readonly #dropout: number

  constructor(scope: Scope, hiddenSize: number, size: number, rate: number) {
    this.#region = new Linear(scope.at('region'), hiddenSize, size, { bias: false })
    this.#hidden = new Linear(scope.at('hidden'), hiddenSize, size, { bias: false })
    this.#score = new Linear(scope.at('score'), size, 1, { bias: false })
    this.#dropout = rate
  }

  /** What the regions `[B, R, D]` say to every word: `[B, R, A]`, made once an image. */
  keys(regions: Tensor, noise: Noise | undefined): Tensor {
    return this.#region.forward(dropout(regions, this.#dropout, noise))
  }

  /** Words' hidden states `[B, N, D]`, N of each image → contexts `[B, N, D]` and attention `[B, N, R]`; `mask` `[B, R]` says which regions are there. */
  forward(
    hidden: Tensor,
    regions: Tensor,
    keys: Tensor,
    noise: Noise | undefined,
    mask?: Tensor,
  ): { context: Tensor; attention: Tensor } {
    const [images, words] = hidden.shape
    const [, count, size] = keys.shape
    const asked = this.#hidden.forward(dropout(hidden, this.#dropout, noise))
    const sums = add(reshape(keys, [images!, 1, count!, size!]), reshape(asked, [images!, words!, 1, size!]))
    const activated = dropout(tanh(sums), this.#dropout, noise)
    const scores = reshape(this.#score.forward(activated), [images!, words!, count!])
    const attention = softmax(mask ? add(scores, reshape(maskBias(mask), [images!, 1, count!])) : scores)
    return { context: matmul(attention, regions), attention }
  }
}
