import type { Tensor } from '../../graph/index.ts'
import type { OutputLayer } from '../../models/output-layer.ts'

/** The P words of a batch, without padding, as an objective gets them. */
export interface Words {
  /** the hidden state that predicts each word, after dropout, `[P, D]` */
  readonly hidden: Tensor
  /** the ids of the words to predict, int32 `[P]` */
  readonly targets: Tensor
  /** the caption of each word, int32 `[P]`: image * C + caption, for C captions of each image */
  readonly captions: Tensor
}

/** A training objective, which is minimised. */
export interface Objective {
  /**
   * The loss of each word, `[P]`, in nats; training minimises its mean. An objective may declare more graph inputs,
   * such as a weight of each caption.
   */
  losses(words: Words, output: OutputLayer): Tensor
}
