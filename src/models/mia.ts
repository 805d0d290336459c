import { add } from '../graph/ops/index.ts'
import type { Tensor } from '../graph/tensor.ts'
import { MultiHeadAttention } from '../nn/attention.ts'
import { FeedForward } from '../nn/feedforward.ts'
import { LayerNorm } from '../nn/layernorm.ts'
import type { Noise } from '../nn/noise.ts'
import type { Scope } from '../nn/scope.ts'

export interface MiaConfig {
  readonly iterations: number
  readonly dModel: number
  readonly numHeads: number
  readonly dInner: number
  readonly dropout: number
}

/** What Mutual Iterative Attention makes of regions and concepts. */
export interface Refined {
  /** the semantic-grounded image representation, `[B, R, D]` */
  readonly sgir: Tensor
  readonly visual: Tensor
  readonly textual: Tensor
  /** for each iteration how the concepts attend to the regions and the regions to the concepts, `[B, heads, R, R]` each */
  readonly attention: readonly { readonly visual: Tensor; readonly textual: Tensor }[]
}

/** One side of an iteration: the stream answers what the other asks. The visual side has an outer Add&Norm, the textual one none, as published. */
class Refinement {
  readonly #attention: MultiHeadAttention
  readonly #feedForward: FeedForward
  readonly #norm: LayerNorm | undefined

  constructor(scope: Scope, { dModel, numHeads, dInner, dropout }: MiaConfig, { outerNorm }: { outerNorm: boolean }) {
    this.#attention = new MultiHeadAttention(scope.at('attention'), { dModel, numHeads, dropout })
    this.#feedForward = new FeedForward(scope.at('feedForward'), dModel, dInner, dropout)
    this.#norm = outerNorm ? new LayerNorm(scope.at('norm'), dModel) : undefined
  }

  forward(asking: Tensor, answering: Tensor, noise: Noise | undefined): { stream: Tensor; weights: Tensor } {
    const { output, weights } = this.#attention.forward(asking, answering, noise)
    const stream = this.#feedForward.forward(output, noise)
    return { stream: this.#norm ? this.#norm.forward(add(stream, answering)) : stream, weights }
  }
}

/** Mutual Iterative Attention (Liu et al., NeurIPS 2019, arXiv:1905.06139), the weights shared by the iterations. */
export class Mia {
  readonly #visual: Refinement
  readonly #textual: Refinement
  readonly #norm: LayerNorm
  readonly #iterations: number

  constructor(scope: Scope, config: MiaConfig) {
    this.#visual = new Refinement(scope.at('visual'), config, { outerNorm: true })
    this.#textual = new Refinement(scope.at('textual'), config, { outerNorm: false })
    this.#norm = new LayerNorm(scope.at('norm'), config.dModel)
    this.#iterations = config.iterations
  }

  /** Regions and concepts, both `[B, R, D]`, refine each other. */
  forward(regions: Tensor, concepts: Tensor, noise: Noise | undefined): Refined {
    let [visual, textual] = [regions, concepts]
    const attention: { visual: Tensor; textual: Tensor }[] = []
    for (let iteration = 0; iteration < this.#iterations; iteration++) {
      const v = this.#visual.forward(textual, visual, noise) // the concepts ask, the regions answer
      const t = this.#textual.forward(v.stream, textual, noise) // the regions of this iteration ask, as published
      attention.push({ visual: v.weights, textual: t.weights })
      visual = v.stream
      textual = t.stream
    }
    return { sgir: this.#norm.forward(add(visual, textual)), visual, textual, attention }
  }
}
