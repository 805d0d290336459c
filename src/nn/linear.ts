import { linear, matmul, type Tensor } from '../graph/index.ts'
import { type Init, uniform } from './init.ts'
import type { Scope } from './scope.ts'

/** The options of a linear layer. */
export interface LinearOptions {
  /** whether there is a bias; by default there is */
  readonly bias?: boolean
  /** initializer of the weight; by default uniform in ±1/√in */
  readonly weightInit?: Init
}

/** A linear layer over the last axis, `x Wᵀ + b`. Initialized as in PyTorch: weight and bias uniform in ±1/√in. */
export class Linear {
  /** `[out, in]` */
  readonly weight: Tensor
  /** `[out]` */
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
