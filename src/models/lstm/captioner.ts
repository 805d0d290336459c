import { add, concat, constant, expand, gather, reshape, split, type Tensor } from '../../graph/index.ts'
import { dropout } from '../../nn/dropout.ts'
import { normal } from '../../nn/init.ts'
import { Linear } from '../../nn/linear.ts'
import { Lstm, type LstmState } from '../../nn/lstm.ts'
import { meanOver } from '../../nn/mask.ts'
import type { Noise } from '../../nn/noise.ts'
import { type Parameter, Scope } from '../../nn/scope.ts'
import type { CaptionModel, Forced, Step, Tensors } from '../contract.ts'
import { Encoder, type EncoderConfig } from '../encoder.ts'
import { perCaption } from '../force.ts'
import type { ImageTensors } from '../inputs.ts'
import { OutputLayer } from '../output-layer.ts'
import { RegionAttention } from '../region-attention.ts'
import { type LstmModel, type LstmModelName, lstmModel } from './lstm-models.ts'

/** The hyperparameters of an LSTM captioner. */
export interface LstmConfig extends EncoderConfig {
  /** which basic model of the paper it is */
  readonly basicModel: LstmModelName
  /** words of the vocabulary, with the four special tokens */
  readonly vocabularySize: number
  /** hidden width of the attention over regions; 49 as published, whatever the number of regions */
  readonly attentionSize: number
}

/** Encoded images as the decoder reads them; encode() adds the tensors of Encoder.named(). */
export interface LstmEncoded extends Tensors {
  /** the image's term of the gates of every step, `[B, 4D]` */
  readonly gates: Tensor
  /** the gates of the step before `<start>`, `[B, 4D]`, for the models with a condition */
  readonly conditionGates?: Tensor
  /** the rows that words attend to, `[B, R, D]`, for the models that attend */
  readonly regions?: Tensor
  /** the projected keys of the rows, `[B, R, A]`, for the models that attend */
  readonly keys?: Tensor
  /** the padding mask, `[B, R]`, 0 for padding; for the models that attend, if there is padding */
  readonly mask?: Tensor
}

/** The hidden state and the cell state, `[N, D]` each. */
export interface LstmTensors extends Tensors, LstmState {}

/**
 * The published captioners: an LSTM over words, and additive attention over the image. What is unusual about them:
 * - the image's mean is added to every word, and some models get the other stream's mean as a word before the first
 *   (LSTM_MODELS);
 * - the textual mean has no affine layer, the visual one has;
 * - captions and concepts share the word embedding;
 * - hidden states do not depend on the attention, so force() runs the recurrence first and the attention of all words
 *   as one batch.
 */
export class LstmCaptioner implements CaptionModel {
  readonly config: LstmConfig
  readonly parameters: ReadonlyMap<string, Parameter>
  readonly output: OutputLayer
  readonly #model: LstmModel
  /** the word embedding `[W, D]` */
  readonly #words: Tensor
  readonly #encoder: Encoder
  readonly #visualMean: Linear
  readonly #lstm: Lstm
  readonly #attention: RegionAttention | undefined

  /** Its parameters are in `scope`. */
  constructor(config: LstmConfig, scope = new Scope()) {
    const { hiddenSize, vocabularySize, attentionSize } = config
    this.config = config
    this.parameters = scope.parameters
    this.#model = lstmModel(config.basicModel)
    this.#words = scope.parameter('words.weight', [vocabularySize, hiddenSize], normal(1))
    this.#encoder = new Encoder(scope.at('encoder'), config)
    const decoder = scope.at('decoder')
    this.#visualMean = new Linear(decoder.at('visualMean'), hiddenSize, hiddenSize)
    this.#lstm = new Lstm(decoder.at('lstm'), hiddenSize, hiddenSize)
    this.#attention =
      this.#model.attention &&
      new RegionAttention(decoder.at('attention'), hiddenSize, attentionSize, { rate: config.dropout, bias: false })
    this.output = new OutputLayer(decoder.at('output'), hiddenSize, vocabularySize, config.dropout)
  }

  /** The sizes of its image inputs. */
  get inputs(): LstmConfig {
    return this.config
  }

  encode(images: ImageTensors, noise?: Noise): LstmEncoded {
    const encoded = this.#encoder.forward(images, this.#words, noise)
    const means = {
      visual: this.#visualMean.forward(
        dropout(meanOver(encoded.visual, encoded.masks.visual), this.config.dropout, noise),
      ),
      textual: meanOver(encoded.textual, encoded.masks.textual), // no affine layer here, as published
    }
    const gates = (mean: Tensor): Tensor => add(this.#lstm.project(mean), this.#lstm.bias)
    const { input, condition, attention } = this.#model
    const mask = attention && encoded.masks[attention]
    return {
      ...this.#encoder.named(encoded),
      gates: gates(means[input]),
      ...(condition && { conditionGates: gates(means[condition]) }),
      ...(attention && {
        regions: encoded[attention],
        keys: this.#attention!.keys(encoded[attention], noise),
        ...(mask && { mask }),
      }),
    }
  }

  start({ gates, conditionGates }: LstmEncoded): LstmTensors {
    if (conditionGates) return { ...this.#lstm.step(conditionGates) }
    const zero = expand(constant(0), [gates.shape[0]!, this.config.hiddenSize])
    return { hidden: zero, cell: zero }
  }

  step(words: Tensor, encoded: LstmEncoded, state: LstmTensors, noise?: Noise): Step {
    const [rows] = words.shape
    const [images] = encoded.gates.shape
    const { hiddenSize } = this.config
    const ofImages = reshape(encoded.gates, [images!, 1, 4 * hiddenSize])
    const gates = add(reshape(this.#wordGates(words), [images!, -1, 4 * hiddenSize]), ofImages)
    const next = this.#lstm.step(reshape(gates, [rows!, 4 * hiddenSize]), state)
    const { hidden, attention } = this.#attend(reshape(next.hidden, [images!, -1, hiddenSize]), encoded, noise)
    return {
      hidden: reshape(hidden, [rows!, hiddenSize]),
      state: { ...next },
      ...(attention && { attention: reshape(attention, [rows!, attention.shape[2]!]) }),
    }
  }

  force(words: Tensor, encoded: LstmEncoded, captions: number, noise?: Noise): Forced {
    const { hiddenSize } = this.config
    const [steps, rows] = words.shape
    const [images] = encoded.gates.shape
    const all = add(this.#wordGates(words), perCaption(encoded.gates, captions))
    // from the zero state the first step needs no state at all
    let state: LstmState | undefined
    if (encoded.conditionGates) {
      const { hidden, cell } = this.#lstm.step(encoded.conditionGates)
      state = { hidden: perCaption(hidden, captions), cell: perCaption(cell, captions) }
    }
    const hidden = split(all, 0, steps as number).map((gates) => {
      state = this.#lstm.step(reshape(gates, [rows!, 4 * hiddenSize]), state)
      return reshape(state.hidden, [images!, captions, hiddenSize])
    })
    return this.#attend(concat(hidden, 1), encoded, noise)
  }

  /** Words' part of the gates: ids `[…]` → `[…, 4D]`. */
  #wordGates(ids: Tensor): Tensor {
    return this.#lstm.project(gather(this.#words, ids))
  }

  /**
   * Hidden states `[B, N, D]`, N of each image, with the context that they attend to, `[B, N, D]`, and the attention
   * `[B, N, R]`.
   */
  #attend(hidden: Tensor, { regions, keys, mask }: LstmEncoded, noise?: Noise): Forced {
    if (!this.#attention) return { hidden }
    const { context, attention } = this.#attention.forward(hidden, regions!, keys!, noise, mask)
    return { hidden: add(context, hidden), attention }
  }
}
