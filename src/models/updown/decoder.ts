import {
  add,
  concat,
  constant,
  type Dim,
  expand,
  gather,
  relu,
  reshape,
  split,
  type Tensor,
  transpose,
} from '../../graph/index.ts'
import { dropout } from '../../nn/dropout.ts'
import { uniform } from '../../nn/init.ts'
import { Linear } from '../../nn/linear.ts'
import { Lstm, type LstmState } from '../../nn/lstm.ts'
import type { Noise } from '../../nn/noise.ts'
import type { Scope } from '../../nn/scope.ts'
import type { Forced, Step, Tensors } from '../contract.ts'
import { perCaption } from '../force.ts'
import { RegionAttention } from '../region-attention.ts'

/** The sizes of the Up-Down decoder. */
export interface UpDownSizes {
  /** hidden size of both LSTMs, and width of the regions, D */
  readonly hiddenSize: number
  /** width of the word vectors, E */
  readonly wordSize: number
  /** width of the global feature, G */
  readonly globalSize: number
  /** hidden width of the attention, A */
  readonly attentionSize: number
  readonly dropout: number
}

/** An encoded image as the decoder reads it. */
export interface UpDownEncoded extends Tensors {
  /** the image's term of the gates of the attention LSTM, biases included, `[B, 4D]` */
  readonly gates: Tensor
  /** the rows that words attend to, `[B, R, D]` */
  readonly regions: Tensor
  /** their projected keys, `[B, R, A]` */
  readonly keys: Tensor
  /** the padding mask, `[B, R]`, 0 for padding; if there is padding */
  readonly mask?: Tensor
}

/** The states of both LSTMs, `[N, D]` each; `lower` is the attention LSTM, `upper` the language LSTM. */
export interface UpDownState extends Tensors {
  readonly lowerHidden: Tensor
  readonly lowerCell: Tensor
  readonly upperHidden: Tensor
  readonly upperCell: Tensor
}

/**
 * The Up-Down decoder (Anderson et al. 2018, section 3.2), as ImageCaptioning.pytorch (Luo et al.) computes it: word
 * vectors and the global feature go through a ReLU.
 *
 *     h1 = LSTM_attention([h2 before, f, x]),  f = relu(W_f g + b_f),  x = relu(E[word])
 *     c = Σ α_i v_i,  α = softmax(wᵀ tanh(W_v v_i + W_h h1))
 *     h2 = LSTM_language([c, h1])
 */
export class UpDownDecoder {
  readonly #words: Tensor
  readonly #sizes: UpDownSizes
  readonly #global: Linear
  readonly #globalGates: Linear
  readonly #lower: Lstm
  readonly #feedback: Linear
  readonly #attention: RegionAttention
  readonly #upper: Lstm

  /**
   * Registers `global`, `attentionLstm` over words, its weights of the global feature and of h2, `globalGates` and
   * `languageGates` `[4D, D]`, `attention` and `languageLstm`. `words` is the word embedding `[W, E]`.
   */
  constructor(scope: Scope, words: Tensor, sizes: UpDownSizes) {
    const { hiddenSize, wordSize, globalSize, attentionSize } = sizes
    const gates = { bias: false, weightInit: uniform(1 / Math.sqrt(hiddenSize)) }
    this.#words = words
    this.#sizes = sizes
    this.#global = new Linear(scope.at('global'), globalSize, hiddenSize)
    this.#lower = new Lstm(scope.at('attentionLstm'), wordSize, hiddenSize)
    this.#globalGates = new Linear(scope.at('globalGates'), hiddenSize, 4 * hiddenSize, gates)
    this.#feedback = new Linear(scope.at('languageGates'), hiddenSize, 4 * hiddenSize, gates)
    this.#attention = new RegionAttention(scope.at('attention'), hiddenSize, attentionSize, { rate: 0, bias: true })
    this.#upper = new Lstm(scope.at('languageLstm'), 2 * hiddenSize, hiddenSize)
  }

  /** Encodes `regions` `[B, R, D]`, whose `mask` `[B, R]` is 0 for padding, and the global feature g `[B, G]`. */
  encode(regions: Tensor, mask: Tensor | undefined, global: Tensor, noise?: Noise): UpDownEncoded {
    const f = dropout(relu(this.#global.forward(global)), this.#sizes.dropout, noise)
    return {
      gates: add(this.#globalGates.forward(f), this.#lower.bias),
      regions,
      keys: this.#attention.keys(regions, noise),
      ...(mask && { mask }),
    }
  }

  /** The state before the first word: zeros. */
  start(images: Dim): UpDownState {
    const zero = expand(constant(0), [images, this.#sizes.hiddenSize])
    return { lowerHidden: zero, lowerCell: zero, upperHidden: zero, upperCell: zero }
  }

  /** One word for each of N rows; the output is h2. */
  step(words: Tensor, encoded: UpDownEncoded, state: UpDownState, noise?: Noise): Step {
    const [rows] = words.shape
    const [images, width] = encoded.gates.shape
    const ofWords = reshape(this.#wordGates(reshape(words, [rows!, 1]), noise), [images!, -1, width!])
    const gates = add(ofWords, reshape(encoded.gates, [images!, 1, width!]))
    const { attention, next } = this.#advance(reshape(gates, [rows!, width!]), encoded, state, noise)
    return { hidden: next.upperHidden, state: next, attention: reshape(attention, [rows!, attention.shape[2]!]) }
  }

  /** Teacher forcing, as CaptionModel.force(). The first step starts from the zero state and skips its products. */
  force(words: Tensor, encoded: UpDownEncoded, captions: number, noise?: Noise): Forced {
    const [steps, rows] = words.shape as [number, number | string]
    const images = encoded.gates.shape[0]!
    const { hiddenSize } = this.#sizes
    const ofImages = reshape(perCaption(encoded.gates, captions), [rows, 1, 4 * hiddenSize])
    const all = add(this.#wordGates(transpose(words, [1, 0]), noise), ofImages)
    let state: UpDownState | undefined
    const each = split(all, 1, steps).map((gates) => {
      const { attention, next } = this.#advance(reshape(gates, [rows, 4 * hiddenSize]), encoded, state, noise)
      state = next
      return { hidden: reshape(next.upperHidden, [images, captions, hiddenSize]), attention }
    })
    return {
      hidden: concat(
        each.map(({ hidden }) => hidden),
        1,
      ),
      attention: concat(
        each.map(({ attention }) => attention),
        1,
      ),
    }
  }

  /** Words' part of the attention LSTM's gates: ids `[N, T]` → `[N, T, 4D]`. */
  #wordGates(ids: Tensor, noise: Noise | undefined): Tensor {
    return this.#lower.project(dropout(relu(gather(this.#words, ids)), this.#sizes.dropout, noise))
  }

  /**
   * One step of all rows, a multiple C of the images B of `encoded`: `gates` `[B*C, 4D]` without the terms of the
   * state. Returns the attention `[B, C, R]` and the state after it. Without `state` the state is zero.
   */
  #advance(
    gates: Tensor,
    { regions, keys, mask }: UpDownEncoded,
    state: UpDownState | undefined,
    noise: Noise | undefined,
  ): { attention: Tensor; next: UpDownState } {
    const { hiddenSize } = this.#sizes
    const [images] = regions.shape
    const lower = state
      ? this.#lower.step(add(gates, this.#feedback.forward(state.upperHidden)), {
          hidden: state.lowerHidden,
          cell: state.lowerCell,
        })
      : this.#lower.step(gates)
    const queries = reshape(lower.hidden, [images!, -1, hiddenSize])
    const { context, attention } = this.#attention.forward(queries, regions, keys, noise, mask)
    const inputs = concat([reshape(context, lower.hidden.shape), lower.hidden], 1)
    const before: LstmState | undefined = state && { hidden: state.upperHidden, cell: state.upperCell }
    const upper = this.#upper.step(add(this.#upper.project(inputs), this.#upper.bias), before)
    return {
      attention,
      next: {
        lowerHidden: lower.hidden,
        lowerCell: lower.cell,
        upperHidden: upper.hidden,
        upperCell: upper.cell,
      },
    }
  }
}
