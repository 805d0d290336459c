import { add, gather, matmul, mul, sigmoid, split, sub, sum, type Tensor, tanh } from '../../src/graph/index.ts'
import type { CaptionModel, Step, Tensors } from '../../src/models/contract.ts'
import type { ImageSizes, ImageTensors } from '../../src/models/inputs.ts'
import { OutputLayer } from '../../src/models/output-layer.ts'
import { uniform } from '../../src/nn/init.ts'
import { Linear } from '../../src/nn/linear.ts'
import { Scope } from '../../src/nn/scope.ts'

/** A captioner that is not an LSTM: a gated recurrent unit (Cho et al. 2014) started from the image. All that another kind of model takes. */
export class GruCaptioner implements CaptionModel {
  readonly #scope = new Scope()
  readonly parameters = this.#scope.parameters
  readonly inputs: ImageSizes
  readonly output: OutputLayer
  readonly #words: Tensor
  readonly #image: Linear
  readonly #input: Linear
  readonly #hidden: Tensor

  constructor(inputs: ImageSizes, hiddenSize: number, vocabularySize: number) {
    this.inputs = inputs
    this.#words = this.#scope.parameter('embedding', [vocabularySize, hiddenSize], uniform(1))
    this.#image = new Linear(this.#scope.at('image'), inputs.featureSize, hiddenSize)
    this.#input = new Linear(this.#scope.at('input'), hiddenSize, 3 * hiddenSize)
    this.#hidden = this.#scope.parameter('hidden', [3 * hiddenSize, hiddenSize], uniform(1 / Math.sqrt(hiddenSize)))
    this.output = new OutputLayer(this.#scope.at('output'), hiddenSize, vocabularySize, 0)
  }

  encode({ features }: ImageTensors): Tensors {
    return { image: tanh(this.#image.forward(sum(features, [1]))) }
  }

  start({ image }: Tensors): Tensors {
    return { hidden: image! }
  }

  step(words: Tensor, _: Tensors, { hidden }: Tensors): Step {
    const x = split(this.#input.forward(gather(this.#words, words)), 1, 3)
    const h = split(matmul(hidden!, this.#hidden, { transB: true }), 1, 3)
    const update = sigmoid(add(x[0]!, h[0]!))
    const candidate = tanh(add(x[1]!, mul(sigmoid(add(x[2]!, h[2]!)), h[1]!)))
    const next = add(mul(update, hidden!), mul(sub(1, update), candidate))
    return { hidden: next, state: { hidden: next } }
  }
}
