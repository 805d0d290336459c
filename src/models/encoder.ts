import { div, gather, relu, sum } from '../graph/ops/index.ts'
import type { Tensor } from '../graph/tensor.ts'
import { dropout } from '../nn/dropout.ts'
import { Linear } from '../nn/linear.ts'
import type { Noise } from '../nn/noise.ts'
import type { Scope } from '../nn/scope.ts'
import type { Stream } from './basic-models.ts'
import type { CaptionerConfig } from './config.ts'
import { Mia, type Refined } from './mia.ts'

/** An image as the decoder sees it: both streams `[B, R, D]`; with MIA both are the SGIR. */
export interface Encoded extends Readonly<Record<Stream, Tensor>> {
  readonly refined?: Refined
}

/** Regions and concepts to the two streams: V = relu(W_a dropout(features) + b_a), T = E[concepts], then MIA. */
export class Encoder {
  readonly #image: Linear
  readonly #mia: Mia | undefined
  readonly #dropout: number

  constructor(scope: Scope, config: CaptionerConfig) {
    const { featureSize, dModel, dropout: rate, miaDropout } = config
    this.#image = new Linear(scope.at('image'), featureSize, dModel)
    this.#mia = config.mia ? new Mia(scope.at('mia'), { ...config, dropout: miaDropout }) : undefined
    this.#dropout = rate
  }

  /** `features` `[B, R, F]`, `concepts` word ids `[B, K]`, `words` the word embedding `[W, D]`, which concepts share with captions */
  forward(features: Tensor, concepts: Tensor, words: Tensor, noise: Noise | undefined): Encoded {
    const visual = relu(this.#image.forward(dropout(features, this.#dropout, noise)))
    const textual = gather(words, concepts)
    if (!this.#mia) return { visual, textual }
    const refined = this.#mia.forward(visual, textual, noise)
    return { visual: refined.sgir, textual: refined.sgir, refined }
  }
}

/** The mean over regions or concepts: `[B, R, D]` → `[B, D]` */
export const meanOver = (x: Tensor): Tensor => div(sum(x, [1]), x.shape[1] as number)
