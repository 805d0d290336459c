import type { Tensor } from '../../graph/index.ts'
import { normal } from '../../nn/init.ts'
import { meanOver } from '../../nn/mask.ts'
import type { Noise } from '../../nn/noise.ts'
import { type Parameter, Scope } from '../../nn/scope.ts'
import type { CaptionModel, Forced, Step } from '../contract.ts'
import { Encoder, type EncoderConfig } from '../encoder.ts'
import type { ImageTensors } from '../inputs.ts'
import { OutputLayer } from '../output-layer.ts'
import { UpDownDecoder, type UpDownEncoded, type UpDownState } from './decoder.ts'

/** The hyperparameters of the Up-Down captioner. */
export interface UpDownConfig extends EncoderConfig {
  /** words of the vocabulary, with the four special tokens */
  readonly vocabularySize: number
  /** hidden width of the attention over regions */
  readonly attentionSize: number
}

/**
 * The Up-Down captioner (Anderson et al. 2018): an LSTM that attends to the regions, and one that says the words. With
 * MIA the SGIR takes the place of the regions. The global feature is the mean of the regions, or of the SGIR.
 */
export class UpDown implements CaptionModel {
  readonly config: UpDownConfig
  readonly parameters: ReadonlyMap<string, Parameter>
  readonly output: OutputLayer
  /** the word embedding `[W, D]`, which concepts share with captions */
  readonly #words: Tensor
  readonly #encoder: Encoder
  readonly #decoder: UpDownDecoder

  /** Its parameters are in `scope`. */
  constructor(config: UpDownConfig, scope = new Scope()) {
    const { hiddenSize, vocabularySize } = config
    this.config = config
    this.parameters = scope.parameters
    this.#words = scope.parameter('words.weight', [vocabularySize, hiddenSize], normal(1))
    this.#encoder = new Encoder(scope.at('encoder'), config)
    const decoder = scope.at('decoder')
    const sizes = { ...config, wordSize: hiddenSize, globalSize: hiddenSize }
    this.#decoder = new UpDownDecoder(decoder, this.#words, sizes)
    this.output = new OutputLayer(decoder.at('output'), hiddenSize, vocabularySize, config.dropout)
  }

  /** The sizes of its image inputs. */
  get inputs(): UpDownConfig {
    return this.config
  }

  encode(images: ImageTensors, noise?: Noise): UpDownEncoded {
    const encoded = this.#encoder.forward(images, this.#words, noise)
    const { visual, masks } = encoded
    const decoded = this.#decoder.encode(visual, masks.visual, meanOver(visual, masks.visual), noise)
    return { ...this.#encoder.named(encoded), ...decoded }
  }

  start({ gates }: UpDownEncoded): UpDownState {
    return this.#decoder.start(gates.shape[0]!)
  }

  step(words: Tensor, encoded: UpDownEncoded, state: UpDownState, noise?: Noise): Step {
    return this.#decoder.step(words, encoded, state, noise)
  }

  force(words: Tensor, encoded: UpDownEncoded, captions: number, noise?: Noise): Forced {
    return this.#decoder.force(words, encoded, captions, noise)
  }
}
