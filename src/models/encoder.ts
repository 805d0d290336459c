import { div, relu, slice, sum, type Tensor } from '../graph/index.ts'
import { dropout } from '../nn/dropout.ts'
import { normal } from '../nn/init.ts'
import { Linear } from '../nn/linear.ts'
import { rowMask } from '../nn/mask.ts'
import type { Noise } from '../nn/noise.ts'
import type { Scope } from '../nn/scope.ts'
import { CONFIDENCE_LEVELS, embedConcepts } from './concept-input.ts'
import type { Tensors } from './contract.ts'
import type { ImageSizes, ImageTensors } from './inputs.ts'
import { Mia, type Refined } from './mia.ts'

/** The two streams of an image: region features and concept embeddings. */
export type Stream = 'visual' | 'textual'

/** The sizes and options of the encoder. */
export interface EncoderConfig extends ImageSizes {
  readonly mia: boolean
  /** number of iterations of MIA */
  readonly iterations: number
  /** `mutual`: regions and concepts attend to each other; `self`: each stream to itself, with as many parameters */
  readonly miaAttention: 'mutual' | 'self'
  /** where the outer Add&Norm is: on the visual branch as in the published code, or on both as in the paper's figure */
  readonly miaForm: 'code' | 'figure'
  /** whether some images have fewer regions: then regions of zeros are padding, masked in every softmax and mean */
  readonly paddedRegions: boolean
  /** whether concepts come with the detector's confidence, see conceptInput() */
  readonly conceptConfidences: boolean
  readonly hiddenSize: number
  readonly numHeads: number
  readonly innerSize: number
  /** dropout rate of the features */
  readonly dropout: number
  /** dropout rate inside MIA */
  readonly miaDropout: number
}

/** What a decoder gets of images: both streams, `[B, R, D]` and `[B, K, D]`; with MIA both are the SGIR `[B, N, D]`. */
export interface Encoded extends Readonly<Record<Stream, Tensor>> {
  /** the padding mask of each stream, `[B, N]`, 0 for padding; undefined without padding */
  readonly masks: Readonly<Record<Stream, Tensor | undefined>>
  readonly refined?: Refined
}

/**
 * Encodes regions and concepts: V = relu(W_a dropout(features) + b_a), T = E[concepts], plus the embedding of each
 * concept's level of confidence if configured, then MIA if configured.
 */
export class Encoder {
  readonly #image: Linear
  readonly #confidence: Tensor | undefined
  readonly #mia: Mia | undefined
  readonly #config: EncoderConfig

  constructor(scope: Scope, config: EncoderConfig) {
    const { featureSize, hiddenSize, miaDropout } = config
    this.#image = new Linear(scope.at('image'), featureSize, hiddenSize)
    this.#confidence = config.conceptConfidences
      ? scope.parameter('confidence.weight', [CONFIDENCE_LEVELS, hiddenSize], normal(1))
      : undefined
    this.#mia = config.mia ? new Mia(scope.at('mia'), { ...config, dropout: miaDropout }) : undefined
    this.#config = config
  }

  /** `words` is the word embedding `[W, D]`, which concepts share with captions. */
  forward({ features, concepts }: ImageTensors, words: Tensor, noise: Noise | undefined): Encoded {
    const visual = relu(this.#image.forward(dropout(features, this.#config.dropout, noise)))
    const textual = embedConcepts(concepts, words, this.#confidence)
    const mask = this.#config.paddedRegions ? rowMask(features) : undefined
    if (!this.#mia) return { visual, textual, masks: { visual: mask, textual: undefined } }
    const refined = this.#mia.forward(visual, textual, noise, mask)
    const masks = { visual: refined.mask, textual: refined.mask }
    return { visual: refined.sgir, textual: refined.sgir, masks, refined }
  }

  /**
   * The tensors that representations and explanations read, by name. `visual` `[B, R, D]` and `textual` `[B, K, D]`,
   * the two streams; and with MIA, which makes both `[B, N, D]`: `sgir` `[B, N, D]`; `sgir.mask` `[B, N]` where some
   * rows are padding; `attention.visual.i`, how the K concepts attend to the R regions in iteration i (from 1), `[B,
   * heads, K, R]`; `attention.textual.i`, how the regions attend to the concepts, `[B, heads, R, K]`; and
   * `alignment.before` and `alignment.after`, how the regions attend to the concepts before and after MIA, averaged
   * over the heads, `[B, N, N]`; not with `miaAttention: 'self'`, which aligns nothing.
   */
  named({ visual, textual, refined }: Encoded): Tensors {
    if (!refined) return { visual, textual }
    const { sgir, mask, attention, alignmentBefore } = refined
    const { regions, concepts, numHeads, miaAttention } = this.#config
    const mutual = miaAttention === 'mutual'
    const part = (weights: Tensor, queries: number, keys: number): Tensor =>
      slice(slice(weights, 2, 0, queries), 3, 0, keys)
    const each = attention.flatMap((weights, i) => [
      [`attention.visual.${i + 1}`, part(weights.visual, mutual ? concepts : regions, regions)] as const,
      [`attention.textual.${i + 1}`, part(weights.textual, mutual ? regions : concepts, concepts)] as const,
    ])
    const meanOfHeads = (weights: Tensor): Tensor => div(sum(weights, [1]), numHeads)
    return {
      visual: refined.visual,
      textual: refined.textual,
      sgir,
      ...(mask && { 'sgir.mask': mask }),
      ...Object.fromEntries(each),
      ...(mutual && {
        'alignment.before': meanOfHeads(alignmentBefore),
        'alignment.after': meanOfHeads(attention.at(-1)!.textual),
      }),
    }
  }
}
