import { concat, reshape, type Tensor } from '../../graph/index.ts'
import { type KeysAndValues, MultiHeadAttention } from '../../nn/attention.ts'
import { xavierUniform } from '../../nn/init.ts'
import type { Noise } from '../../nn/noise.ts'
import type { Scope } from '../../nn/scope.ts'
import { FeedForwardSublayer, type LayerConfig, Residual } from './sublayer.ts'

/** What a decoder layer attends to. */
export interface DecoderContext {
  /** keys and values of the words before, for one word at a time */
  readonly past?: KeysAndValues
  /** hides later words, `[M, M]`, for all words at once */
  readonly causal?: Tensor
  /** keys and values of the encoded image, see memory() */
  readonly memory: KeysAndValues
  /** hides the image's padding, `[B, 1, 1, R]` */
  readonly memoryBias?: Tensor | undefined
}

/** The result of a decoder layer. */
export interface DecoderLayerOutput {
  /** `[N, M, D]` */
  readonly x: Tensor
  /** keys and values of all words so far, those before included */
  readonly words: KeysAndValues
  /** attention over the image, `[B, heads, M, R]`, M words of all rows of an image */
  readonly attention: Tensor
}

/** A layer of the Transformer's decoder, normalized first: self-attention, attention over the image, feed-forward. */
export class DecoderLayer {
  readonly #selfResidual: Residual
  readonly #self: MultiHeadAttention
  readonly #imageResidual: Residual
  readonly #image: MultiHeadAttention
  readonly #feedForward: FeedForwardSublayer

  /** Registers `selfNorm`, `self`, `imageNorm`, `image` and `feedForward`. */
  constructor(scope: Scope, config: LayerConfig) {
    const attention = (name: string): MultiHeadAttention =>
      new MultiHeadAttention(scope.at(name), { ...config, weightInit: xavierUniform })
    this.#selfResidual = new Residual(scope.at('selfNorm'), config)
    this.#self = attention('self')
    this.#imageResidual = new Residual(scope.at('imageNorm'), config)
    this.#image = attention('image')
    this.#feedForward = new FeedForwardSublayer(scope.at('feedForward'), config)
  }

  /** The keys and values of an encoded image `[B, R, D]`: the same for all words. */
  memory(encoded: Tensor): KeysAndValues {
    return this.#image.keysAndValues(encoded)
  }

  /**
   * M words of each of N rows, `[N, M, D]`. N is a multiple of the images B of the memory, rows image by image: all
   * rows of an image attend to its keys in one product.
   */
  forward(x: Tensor, context: DecoderContext, noise: Noise | undefined): DecoderLayerOutput {
    const { past, causal, memory, memoryBias } = context
    const y = this.#selfResidual.normalized(x)
    const fresh = this.#self.keysAndValues(y)
    const words = past
      ? { keys: concat([past.keys, fresh.keys], 2), values: concat([past.values, fresh.values], 2) }
      : fresh
    const said = this.#selfResidual.sum(x, this.#self.attend(y, words, noise, causal).output, noise)
    const [images] = memory.keys.shape
    const queries = reshape(this.#imageResidual.normalized(said), [images!, -1, x.shape[2]!])
    const { output, weights } = this.#image.attend(queries, memory, noise, memoryBias)
    const seen = this.#imageResidual.sum(said, reshape(output, x.shape), noise)
    return { x: this.#feedForward.forward(seen, noise), words, attention: weights }
  }
}
