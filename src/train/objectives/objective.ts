import type { Tensor } from '../../graph/index.ts'
import type { OutputLayer } from '../../models/output-layer.ts'

/** The words of a batch as an objective sees them; P words in all, padding left out. */
export interface Words {
  /** what the output layer is given at each word, `[P, D]`, after dropout */
  readonly hidden: Tensor
  /** the ids of the words, int32 `[P]` */
  readonly targets: Tensor
  /** the caption of each word, int32 `[P]`: image * captions + caption */
  readonly captions: Tensor
}

/** The part of training that says what is minimised. */
export interface Objective {
  /** The loss of each word, `[P]`, in nats; the training step minimises its mean. It may name further inputs of the graph. */
  losses(words: Words, output: OutputLayer): Tensor
}
