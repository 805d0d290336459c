import {
  cast,
  div,
  greater,
  input,
  linearCrossEntropy,
  mul,
  product,
  reshape,
  sum,
  type Tensor,
  transpose,
} from '../../graph/index.ts'
import type { CaptionerConfig } from '../../models/config.ts'
import type { CaptionModel } from '../../models/contract.ts'
import { createCaptioner } from '../../models/create-captioner.ts'
import { force } from '../../models/force.ts'
import type { Noise } from '../../nn/noise.ts'
import type { Scope } from '../../nn/scope.ts'
import { PAD } from '../../text/vocabulary.ts'

/** The captioner that is trained with a network, and how. */
export interface CaptionHeadConfig {
  readonly model: CaptionerConfig
  /** captions of each image in a step, C */
  readonly captionsPerImage: number
  readonly labelSmoothing: number
}

/** The inputs of CaptionHead.loss() whose first axis counts images. */
export const CAPTION_INPUTS = ['concepts', 'words', 'targets'] as const

/** A captioner on top of a network that is trained: pictures, network and captions are one graph. */
export class CaptionHead {
  readonly #config: CaptionHeadConfig
  readonly #model: CaptionModel

  /** Registers the captioner's parameters in `scope`. */
  constructor(config: CaptionHeadConfig, scope: Scope) {
    this.#config = config
    this.#model = createCaptioner(config.model, scope)
  }

  /**
   * Cross-entropy of the references in nats per word, with label smoothing and teacher forcing over T time steps.
   * `features` are `[B, R, F]`. Graph inputs, all int32: `concepts` `[B, K]`; `words` `[B, C*T]`, the ids that are fed,
   * caption by caption; `targets` `[B, T*C]`, the ids to predict, all first words and then all second words, 0 where a
   * caption has ended; `wordsTotal`, the words to predict in the whole batch, a scalar. Summed over parts of a batch it
   * is the loss of the batch.
   */
  loss(features: Tensor, steps: number, noise?: Noise): Tensor {
    const { model, captionsPerImage: captions, labelSmoothing } = this.#config
    const fed = reshape(input('words', ['B', captions * steps], 'int32'), ['B', captions, steps])
    const words = reshape(transpose(fed, [2, 0, 1]), [steps, product(['B', captions])])
    const targets = reshape(input('targets', ['B', steps * captions], 'int32'), [-1])
    const concepts = input('concepts', ['B', model.concepts], 'int32')
    const encoded = this.#model.encode({ features, concepts }, noise)
    const { hidden } = force(this.#model, words, encoded, captions, noise)
    const { output } = this.#model
    const states = output.dropped(reshape(hidden, [-1, hidden.shape[2]!]), noise)
    const each = linearCrossEntropy(states, output.weight, output.bias, targets, labelSmoothing)
    const isWord = cast(greater(targets, PAD), 'float32')
    return div(sum(mul(each, isWord)), cast(input('wordsTotal', [], 'int32'), 'float32'))
  }
}
