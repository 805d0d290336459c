import { linear, matmul } from '../graph/ops/index.ts'
import type { Tensor } from '../graph/tensor.ts'
import { type Init, uniform } from './init.ts'
import type { Scope } from './scope.ts'

export interface LinearOptions {
  readonly bias?: boolean
  readonly weightInit?: Init
}

/** An affine map of the last axis, `x Wᵀ + b`, started as PyTorch starts it: both uniform in ±1/√in. */
export class Linear {
  readonly weight: Tensor
  readonly bias: Tensor | undefined

  constructor(scope: Scope, inSize: number, outSize: number, { bias = true, weightInit }: LinearOptions = {}) {
    const init = uniform(1 / Math.sqrt(inSize))
    this.weight = scope.parameter('weight', [outSize, inSize], weightInit ?? init)
    this.bias = bias ? scope.parameter('bias', [outSize], init) : undefined
  }

  /** `[…, in]` → `[…, out]` */
  forward(x: Tensor): Tensor {
    return this.bias ? linear(x, this.weight, this.bias) : matmul(x, this.weight, { transB: true })
  }
}
