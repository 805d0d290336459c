import { add, constant, mul, pad, reshape, sub, type Tensor } from '../graph/index.ts'
import { FeedForward } from '../nn/feedforward.ts'
import { LayerNorm } from '../nn/layernorm.ts'
import { masked } from '../nn/mask.ts'
import { MiaAttention } from '../nn/mia-attention.ts'
import type { Noise } from '../nn/noise.ts'
import type { Scope } from '../nn/scope.ts'

/**
 * Mutual Iterative Attention (Liu et al., NeurIPS 2019, arXiv:1905.06139). What is unusual about it:
 * - the iterations share their weights;
 * - the residual of its attention is the value stream, not the queries (MiaAttention);
 * - the visual branch has an outer Add&Norm and the textual branch has none, as in the published code (`miaForm:
 *   'code'`);
 * - the textual branch attends with the visual stream of the same iteration, already refined;
 * - as many concepts as regions are needed for that residual. Here the shorter stream is padded with rows of zeros.
 *   They are masked as keys in the first iteration and take part from the second on, when their queries have made them
 *   rows of their own. With as many concepts as regions there is no padding, and the result is the published one.
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

  /** Refines regions `[B, R, D]`, whose `mask` `[B, R]` is 0 for padding, and concepts `[B, K, D]`. */
  forward(regions: Tensor, concepts: Tensor, noise: Noise | undefined, mask?: Tensor): Refined {
    const streams = padToEqual(regions, concepts, mask)
    let { visual, textual, masks } = streams
    const attention: { visual: Tensor; textual: Tensor }[] = []
    for (let iteration = 0; iteration < this.#iterations; iteration++) {
      const v = this.#visual.forward(this.#mutual ? textual : visual, visual, noise, masks.visual)
      const t = this.#textual.forward(this.#mutual ? v.stream : textual, textual, noise, masks.textual)
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

/** The sizes and options of MIA. */
export interface MiaConfig {
  readonly iterations: number
  readonly hiddenSize: number
  readonly numHeads: number
  /** hidden width of the feed-forward layers */
  readonly innerSize: number
  readonly dropout: number
  /** `mutual`: the streams attend to each other; `self`, a control: each to itself */
  readonly miaAttention: 'mutual' | 'self'
  /** where the outer Add&Norm is: on the visual branch, as in the code, or on both, as in the paper's figure */
  readonly miaForm: 'code' | 'figure'
}

/** Regions and concepts after MIA; N is the larger of R and K. */
export interface Refined {
  /** the semantic-grounded image representation, `[B, N, D]` */
  readonly sgir: Tensor
  readonly visual: Tensor
  readonly textual: Tensor
  /**
   * how the unrefined regions attend to the unrefined concepts, `[B, heads, N, N]`: the baseline of the alignment after
   * MIA
   */
  readonly alignmentBefore: Tensor
  /** 1 for rows that are a region, a concept or both, `[B, N]`; undefined if all are */
  readonly mask: Tensor | undefined
  /** for each iteration the weights of concepts over regions and of regions over concepts, `[B, heads, N, N]` each */
  readonly attention: readonly { readonly visual: Tensor; readonly textual: Tensor }[]
}

/** One branch of an iteration: attention with one stream as values and the other as queries, then feed-forward. */
class Refinement {
  readonly #attention: MiaAttention
  readonly #feedForward: FeedForward
  readonly #norm: LayerNorm | undefined

  constructor(
    scope: Scope,
    { hiddenSize, numHeads, innerSize, dropout }: MiaConfig,
    { outerNorm }: { outerNorm: boolean },
  ) {
    this.#attention = new MiaAttention(scope.at('attention'), { hiddenSize, numHeads, dropout })
    this.#feedForward = new FeedForward(scope.at('feedForward'), hiddenSize, innerSize, dropout)
    this.#norm = outerNorm ? new LayerNorm(scope.at('norm'), hiddenSize) : undefined
  }

  forward(
    query: Tensor,
    value: Tensor,
    noise: Noise | undefined,
    mask: Tensor | undefined,
  ): { stream: Tensor; weights: Tensor } {
    const { output, weights } = this.#attention.forward(query, value, noise, mask)
    const stream = this.#feedForward.forward(output, noise)
    return { stream: this.#norm ? this.#norm.forward(add(stream, value)) : stream, weights }
  }
}

interface Streams {
  readonly visual: Tensor
  readonly textual: Tensor
  /** masks of the keys in the first iteration */
  readonly masks: { readonly visual: Tensor | undefined; readonly textual: Tensor | undefined }
  /** mask of the rows that are a region, a concept or both */
  readonly mask: Tensor | undefined
}

/** Both streams padded with zeros to the length of the longer one. */
function padToEqual(regions: Tensor, concepts: Tensor, mask: Tensor | undefined): Streams {
  const [R, K] = [regions.shape[1] as number, concepts.shape[1] as number]
  const size = Math.max(R, K)
  const visual = mask ? pad(mask, 1, 0, size - R) : firstRows(R, size)
  const textual = firstRows(K, size)
  return {
    visual: pad(masked(regions, mask), 1, 0, size - R),
    textual: pad(concepts, 1, 0, size - K),
    masks: { visual, textual },
    // a row counts if it is a region or a concept: a + b - ab
    mask: visual && textual && sub(add(visual, textual), mul(visual, textual)),
  }
}

/** A mask `[1, size]` with 1 for the first `count` rows; undefined if that is all of them. */
const firstRows = (count: number, size: number): Tensor | undefined =>
  count === size ? undefined : reshape(constant(Array.from({ length: size }, (_, i) => Number(i < count))), [1, size])
