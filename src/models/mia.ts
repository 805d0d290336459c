import { add, mul, pad, reshape, sub } from '../graph/ops/index.ts'
import { constant, type Tensor } from '../graph/tensor.ts'
import { MultiHeadAttention } from '../nn/attention.ts'
import { FeedForward } from '../nn/feedforward.ts'
import { LayerNorm } from '../nn/layernorm.ts'
import { masked } from '../nn/mask.ts'
import type { Noise } from '../nn/noise.ts'
import type { Scope } from '../nn/scope.ts'

export interface MiaConfig {
  readonly iterations: number
  readonly hiddenSize: number
  readonly numHeads: number
  readonly innerSize: number
  readonly dropout: number
  readonly miaAttention: 'mutual' | 'self'
  readonly miaForm: 'code' | 'figure'
}

/** What Mutual Iterative Attention makes of regions and concepts. */
export interface Refined {
  /** the semantic-grounded image representation, `[B, N, D]`, N the larger of R and K */
  readonly sgir: Tensor
  readonly visual: Tensor
  readonly textual: Tensor
  /** how the regions would attend to the concepts if they had not been refined, `[B, heads, N, N]`: what MIA's last alignment is compared with */
  readonly alignmentBefore: Tensor
  /** which of the N rows are there, `[B, N]`; undefined where all are */
  readonly mask: Tensor | undefined
  /** for each iteration how the concepts attend to the regions and the regions to the concepts, `[B, heads, N, N]` each */
  readonly attention: readonly { readonly visual: Tensor; readonly textual: Tensor }[]
}

/** One side of an iteration: the stream answers what the other asks. */
class Refinement {
  readonly #attention: MultiHeadAttention
  readonly #feedForward: FeedForward
  readonly #norm: LayerNorm | undefined

  constructor(
    scope: Scope,
    { hiddenSize, numHeads, innerSize, dropout }: MiaConfig,
    { outerNorm }: { outerNorm: boolean },
  ) {
    this.#attention = new MultiHeadAttention(scope.at('attention'), { hiddenSize, numHeads, dropout })
    this.#feedForward = new FeedForward(scope.at('feedForward'), hiddenSize, innerSize, dropout)
    this.#norm = outerNorm ? new LayerNorm(scope.at('norm'), hiddenSize) : undefined
  }

  forward(
    asking: Tensor,
    answering: Tensor,
    noise: Noise | undefined,
    mask: Tensor | undefined,
  ): { stream: Tensor; weights: Tensor } {
    const { output, weights } = this.#attention.forward(asking, answering, noise, mask)
    const stream = this.#feedForward.forward(output, noise)
    return { stream: this.#norm ? this.#norm.forward(add(stream, answering)) : stream, weights }
  }
}

/**
 * Mutual Iterative Attention (Liu et al., NeurIPS 2019, arXiv:1905.06139), the weights shared by the iterations. The published code needs as many
 * concepts as regions, for the residual of its attention is the stream that answers. Here the shorter stream is filled up with rows of zeros:
 * they ask nothing in particular, and in the first iteration they answer nothing (they are masked as keys); what they are told makes them rows
 * of their own, which answer from the second iteration on, so that nothing that a region or a concept asked is lost. With as many concepts as regions nothing is filled up and the result is the published one.
 */
export class Mia {
  readonly #visual: Refinement
  readonly #textual: Refinement
  readonly #norm: LayerNorm
  readonly #iterations: number
  readonly #mutual: boolean

  constructor(scope: Scope, config: MiaConfig) {
    this.#visual = new Refinement(scope.at('visual'), config, { outerNorm: true })
    this.#textual = new Refinement(scope.at('textual'), config, { outerNorm: config.miaForm === 'figure' })
    this.#norm = new LayerNorm(scope.at('norm'), config.hiddenSize)
    this.#iterations = config.iterations
    this.#mutual = config.miaAttention === 'mutual'
  }

  /** Regions `[B, R, D]`, of which `mask` `[B, R]` says which are there, and concepts `[B, K, D]` refine each other. */
  forward(regions: Tensor, concepts: Tensor, noise: Noise | undefined, mask?: Tensor): Refined {
    const streams = fillUp(regions, concepts, mask)
    let { visual, textual, masks } = streams
    const attention: { visual: Tensor; textual: Tensor }[] = []
    for (let iteration = 0; iteration < this.#iterations; iteration++) {
      const v = this.#visual.forward(this.#mutual ? textual : visual, visual, noise, masks.visual) // the concepts ask, the regions answer
      const t = this.#textual.forward(this.#mutual ? v.stream : textual, textual, noise, masks.textual) // the regions of this iteration ask, as published
      attention.push({ visual: v.weights, textual: t.weights })
      visual = v.stream
      textual = t.stream
      masks = { visual: streams.mask, textual: streams.mask }
    }
    const before = this.#textual.forward(streams.visual, streams.textual, undefined, streams.masks.textual)
    return {
      sgir: this.#norm.forward(add(visual, textual)),
      visual,
      textual,
      attention,
      alignmentBefore: before.weights,
      mask: streams.mask,
    }
  }
}

interface Streams {
  readonly visual: Tensor
  readonly textual: Tensor
  /** the rows that can answer at first */
  readonly masks: { readonly visual: Tensor | undefined; readonly textual: Tensor | undefined }
  /** the rows that are a region, a concept or both */
  readonly mask: Tensor | undefined
}

/** Both streams as long as the longer one. */
function fillUp(regions: Tensor, concepts: Tensor, mask: Tensor | undefined): Streams {
  const [R, K] = [regions.shape[1] as number, concepts.shape[1] as number]
  const size = Math.max(R, K)
  const seen = mask ? pad(mask, 1, 0, size - R) : firstRows(R, size)
  const named = firstRows(K, size)
  return {
    visual: pad(masked(regions, mask), 1, 0, size - R),
    textual: pad(concepts, 1, 0, size - K),
    masks: { visual: seen, textual: named },
    // a row is there if a region or a concept is: a + b - ab
    mask: seen && named && sub(add(seen, named), mul(seen, named)),
  }
}

/** A mask `[1, size]` of the first rows; undefined where that is all of them. */
const firstRows = (count: number, size: number): Tensor | undefined =>
  count === size ? undefined : reshape(constant(Array.from({ length: size }, (_, i) => Number(i < count))), [1, size])
