import { add, matmul, mul, sigmoid, split, type Tensor, tanh } from '../graph/index.ts'
import { uniform } from './init.ts'
import type { Scope } from './scope.ts'

/** The state of an LSTM of width D, for N sequences. */
export interface LstmState {
  /** the hidden state h, `[N, D]` */
  readonly hidden: Tensor
  /** the cell state c, `[N, D]` */
  readonly cell: Tensor
}

/**
 * One layer of LSTM (Hochreiter and Schmidhuber 1997) with the weights of PyTorch's `nn.LSTM`: gates in the order i, f,
 * g, o (input, forget, cell, output), and a bias each for input and hidden state:
 *
 *     i, f, g, o = split(W_ih x + b_ih + W_hh h + b_hh)
 *     c' = σ(f) c + σ(i) tanh(g)
 *     h' = σ(o) tanh(c')
 *
 * W_ih x does not depend on the state. project() computes it for all time steps in one matrix product, and step() adds
 * the rest.
 */
export class Lstm {
  readonly #inputWeight: Tensor
  readonly #hiddenWeight: Tensor
  readonly #inputBias: Tensor
  readonly #hiddenBias: Tensor

  /** Registers `weight_ih` `[4D, in]`, `weight_hh` `[4D, D]`, `bias_ih` and `bias_hh` `[4D]`; D is `size`. */
  constructor(scope: Scope, inSize: number, size: number) {
    const init = uniform(1 / Math.sqrt(size))
    this.#inputWeight = scope.parameter('weight_ih', [4 * size, inSize], init)
    this.#hiddenWeight = scope.parameter('weight_hh', [4 * size, size], init)
    this.#inputBias = scope.parameter('bias_ih', [4 * size], init)
    this.#hiddenBias = scope.parameter('bias_hh', [4 * size], init)
  }

  /** W_ih x, `[…, in]` → `[…, 4D]`. It is linear: the projection of a sum is the sum of the projections. */
  project(x: Tensor): Tensor {
    return matmul(x, this.#inputWeight, { transB: true })
  }

  /** The sum of both biases, `[4D]`. */
  get bias(): Tensor {
    return add(this.#inputBias, this.#hiddenBias)
  }

  /** One time step. `gates` `[N, 4D]` is the projected input plus the bias; without `state` the state is zero. */
  step(gates: Tensor, state?: LstmState): LstmState {
    const sum = state ? add(gates, matmul(state.hidden, this.#hiddenWeight, { transB: true })) : gates
    const [i, f, g, o] = split(sum, -1, 4)
    const fresh = mul(sigmoid(i!), tanh(g!))
    const cell = state ? add(mul(sigmoid(f!), state.cell), fresh) : fresh
    return { hidden: mul(sigmoid(o!), tanh(cell)), cell }
  }
}
