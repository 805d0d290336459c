import type { Tensor } from '../graph/index.ts'
import { dropout } from '../nn/dropout.ts'
import { Linear } from '../nn/linear.ts'
import type { Noise, NoiseRows } from '../nn/noise.ts'
import type { Scope } from '../nn/scope.ts'

/** The output layer of a captioner: dropout, then an affine map to logits over the vocabulary of W words. */
export class OutputLayer {
  /** `[W, D]` */
  readonly weight: Tensor
  /** `[W]` */
  readonly bias: Tensor
  readonly #linear: Linear
  readonly #dropout: number

  constructor(scope: Scope, hiddenSize: number, vocabularySize: number, rate: number) {
    this.#linear = new Linear(scope, hiddenSize, vocabularySize)
    this.weight = this.#linear.weight
    this.bias = this.#linear.bias!
    this.#dropout = rate
  }

  /** The size of the vocabulary, W. */
  get size(): number {
    return this.weight.shape[0] as number
  }

  /**
   * Hidden states `[P, D]` with dropout; `rows` are the rows' numbers in the whole batch, if they are not 0, 1, 2, ...
   */
  dropped(hidden: Tensor, noise: Noise | undefined, rows?: NoiseRows): Tensor {
    return dropout(hidden, this.#dropout, noise, rows)
  }

  /** Hidden states `[…, D]` → logits `[…, W]`. */
  logits(hidden: Tensor): Tensor {
    return this.#linear.forward(hidden)
  }
}
