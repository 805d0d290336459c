import { add, matmul, mul, sigmoid, split, tanh } from '../graph/ops/index.ts'
import type { Tensor } from '../graph/tensor.ts'
import { uniform } from './init.ts'
import type { Scope } from './scope.ts'

export interface LstmState {
  /** `[N, D]` */
  readonly hidden: Tensor
  /** `[N, D]` */
  readonly cell: Tensor
}

/**
 * A long short-term memory (Hochreiter and Schmidhuber 1997; gates in the order i, f, g, o and two biases, as PyTorch has them). The part of the
 * gates that comes from the input is apart from the step: it does not depend on the state, so it is one product for all time steps.
 */
export class Lstm {
  readonly #inputWeight: Tensor
  readonly #hiddenWeight: Tensor
  readonly #inputBias: Tensor
  readonly #hiddenBias: Tensor

  constructor(scope: Scope, inSize: number, size: number) {
    const init = uniform(1 / Math.sqrt(size))
    this.#inputWeight = scope.parameter('weight_ih', [4 * size, inSize], init)
    this.#hiddenWeight = scope.parameter('weight_hh', [4 * size, size], init)
    this.#inputBias = scope.parameter('bias_ih', [4 * size], init)
    this.#hiddenBias = scope.parameter('bias_hh', [4 * size], init)
  }

  /** What an input adds to the gates: `[…, in]` → `[…, 4D]`; sums of inputs may be projected part by part. */
  project(x: Tensor): Tensor {
    return matmul(x, this.#inputWeight, { transB: true })
  }

  /** The biases of the gates, `[4D]`. */
  get bias(): Tensor {
    return add(this.#inputBias, this.#hiddenBias)
  }

  /** One step from `gates` `[N, 4D]`, the projected input with the bias; from the zero state if none is given. */
  step(gates: Tensor, state?: LstmState): LstmState {
    const sum = state ? add(gates, matmul(state.hidden, this.#hiddenWeight, { transB: true })) : gates
    const [i, f, g, o] = split(sum, -1, 4)
    const fresh = mul(sigmoid(i!), tanh(g!))
    const cell = state ? add(mul(sigmoid(f!), state.cell), fresh) : fresh
    return { hidden: mul(sigmoid(o!), tanh(cell)), cell }
  }
}
