import { add, gather } from '../../graph/ops/index.ts'
import type { Tensor } from '../../graph/tensor.ts'
import { dropout } from '../../nn/dropout.ts'
import { normal } from '../../nn/init.ts'
import { Linear } from '../../nn/linear.ts'
import { Lstm, type LstmState } from '../../nn/lstm.ts'
import { meanOver } from '../../nn/mask.ts'
import type { Noise } from '../../nn/noise.ts'
import { type Parameter, Scope } from '../../nn/scope.ts'
import type { CaptionerConfig } from '../config.ts'
import { type Encoded, Encoder } from '../encoder.ts'
import { type BasicModel, basicModels } from './basic-models.ts'
import { RegionAttention } from './region-attention.ts'

/** An image ready to be described. */
export interface Prepared {
  readonly encoded: Encoded
  /** what the image adds to the gates of every step, `[B, 4D]` */
  readonly gates: Tensor
  /** the state before `<start>`; none is the zero state */
  readonly start: LstmState | undefined
  /** the regions as attention sees them, `[B, R, A]`; none for the models that condition */
  readonly keys: Tensor | undefined
}

/**
 * A captioner: encoder, recurrence and scores. Training and search use the same three, so they cannot drift apart: training unrolls the recurrence
 * and scores all words in one batch, for the hidden states do not depend on the attention; search does both a word at a time.
 */
export class LstmCaptioner {
  readonly config: CaptionerConfig
  readonly parameters: ReadonlyMap<string, Parameter>
  /** the word embedding `[W, D]`, of captions and of concepts */
  readonly words: Tensor
  /** the output layer: weight `[W, D]` and bias `[W]` */
  readonly output: Linear & { readonly bias: Tensor }
  readonly #model: BasicModel
  readonly #encoder: Encoder
  readonly #visualMean: Linear
  readonly #lstm: Lstm
  readonly #attention: RegionAttention | undefined

  constructor(config: CaptionerConfig) {
    const scope = new Scope()
    const { hiddenSize, vocabularySize, attentionSize } = config
    this.config = config
    this.parameters = scope.parameters
    this.#model = basicModels[config.basicModel]
    this.words = scope.parameter('words.weight', [vocabularySize, hiddenSize], normal(1))
    this.#encoder = new Encoder(scope.at('encoder'), config)
    const decoder = scope.at('decoder')
    this.#visualMean = new Linear(decoder.at('visualMean'), hiddenSize, hiddenSize)
    this.#lstm = new Lstm(decoder.at('lstm'), hiddenSize, hiddenSize)
    this.#attention =
      this.#model.attention && new RegionAttention(decoder.at('attention'), hiddenSize, attentionSize, config.dropout)
    this.output = new Linear(decoder.at('output'), hiddenSize, vocabularySize) as Linear & { readonly bias: Tensor }
  }

  /** `features` `[B, R, F]` and `concepts` `[B, K]` → what the decoder needs of the images. */
  prepare(features: Tensor, concepts: Tensor, noise?: Noise): Prepared {
    const encoded = this.#encoder.forward(features, concepts, this.words, noise)
    const means = {
      visual: this.#visualMean.forward(
        dropout(meanOver(encoded.visual, encoded.masks.visual), this.config.dropout, noise),
      ),
      textual: meanOver(encoded.textual, encoded.masks.textual), // no affine layer here, as published
    }
    const { input, condition, attention } = this.#model
    const gates = add(this.#lstm.project(means[input]), this.#lstm.bias)
    const start = condition && this.#lstm.step(add(this.#lstm.project(means[condition]), this.#lstm.bias))
    const keys = attention && this.#attention!.keys(encoded[attention], noise)
    return { encoded, gates, start, keys }
  }

  /** Words' part of the gates: ids `[…]` → `[…, 4D]`. */
  wordGates(ids: Tensor): Tensor {
    return this.#lstm.project(gather(this.words, ids))
  }

  /** One step of the recurrence: gates `[N, 4D]` and the state before. */
  step(gates: Tensor, state: LstmState | undefined): LstmState {
    return this.#lstm.step(gates, state)
  }

  /** What the output layer is given for hidden states `[B, N, D]`, N of each image: `[B, N, D]`, and the attention `[B, N, R]` if the model attends. */
  attend(
    hidden: Tensor,
    { encoded, keys }: Pick<Prepared, 'encoded' | 'keys'>,
    noise?: Noise,
  ): { states: Tensor; attention: Tensor | undefined } {
    const stream = this.#model.attention
    if (!stream) return { states: hidden, attention: undefined }
    const { context, attention } = this.#attention!.forward(
      hidden,
      encoded[stream],
      keys!,
      noise,
      encoded.masks[stream],
    )
    return { states: add(context, hidden), attention }
  }
}
