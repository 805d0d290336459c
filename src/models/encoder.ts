import { gather, relu } from '../graph/ops/index.ts'
import type { Tensor } from '../graph/tensor.ts'
import { dropout } from '../nn/dropout.ts'
import { Linear } from '../nn/linear.ts'
import { rowMask } from '../nn/mask.ts'
import type { Noise } from '../nn/noise.ts'
import type { Scope } from '../nn/scope.ts'
import type { CaptionerConfig } from './config.ts'
import type { Stream } from './lstm/basic-models.ts'
import { Mia, type Refined } from './mia.ts'

/** An image as the decoder sees it: both streams, `[B, R, D]` and `[B, K, D]`; with MIA both are the SGIR `[B, N, D]`. */
export interface Encoded extends Readonly<Record<Stream, Tensor>> {
  /** which rows of each stream are there; undefined where all are */
  readonly masks: Readonly<Record<Stream, Tensor | undefined>>
  readonly refined?: Refined
}

/** Regions and concepts to the two streams: V = relu(W_a dropout(features) + b_a), T = E[concepts], then MIA. */
export class Encoder {
  readonly #image: Linear
  readonly #mia: Mia | undefined
  readonly #dropout: number
  readonly #paddedRegions: boolean

  constructor(scope: Scope, config: CaptionerConfig) {
    const { featureSize, hiddenSize, dropout: rate, miaDropout } = config
    this.#image = new Linear(scope.at('image'), featureSize, hiddenSize)
    this.#mia = config.mia ? new Mia(scope.at('mia'), { ...config, dropout: miaDropout }) : undefined
    this.#dropout = rate
    this.#paddedRegions = config.paddedRegions
  }

  /** `features` `[B, R, F]`, `concepts` word ids `[B, K]`, `words` the word embedding `[W, D]`, which concepts share with captions */
  forward(features: Tensor, concepts: Tensor, words: Tensor, noise: Noise | undefined): Encoded {
    const visual = relu(this.#image.forward(dropout(features, this.#dropout, noise)))
    const textual = gather(words, concepts)
    const mask = this.#paddedRegions ? rowMask(features) : undefined
    if (!this.#mia) return { visual, textual, masks: { visual: mask, textual: undefined } }
    const refined = this.#mia.forward(visual, textual, noise, mask)
    const masks = { visual: refined.mask, textual: refined.mask }
    return { visual: refined.sgir, textual: refined.sgir, masks, refined }
  }
}
