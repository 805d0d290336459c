import { layerNorm } from '../graph/ops/index.ts'
import type { Tensor } from '../graph/tensor.ts'
import { ones, zeros } from './init.ts'
import type { Scope } from './scope.ts'

/** Layer normalisation of the last axis with learnt scale and bias. */
export class LayerNorm {
  readonly #scale: Tensor
  readonly #bias: Tensor

  constructor(scope: Scope, size: number) {
    this.#scale = scope.parameter('weight', [size], ones)
    this.#bias = scope.parameter('bias', [size], zeros)
  }

  /** `[…, size]` → `[…, size]` */
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.#scale, this.#bias)
  }
}
