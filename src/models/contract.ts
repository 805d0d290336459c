import type { Tensor } from '../graph/index.ts'
import type { Noise } from '../nn/noise.ts'
import type { Parameter } from '../nn/scope.ts'
import type { ImageSizes, ImageTensors } from './inputs.ts'
import type { OutputLayer } from './output-layer.ts'

/** Tensors by name. Training, search and export pass them on and never look inside. */
export type Tensors = Readonly<Record<string, Tensor>>

/** The result of one step: one word for each row. */
export interface Step {
  /** the input of the output layer, `[N, D]` */
  readonly hidden: Tensor
  /** the state after the word, under the names of the state before it */
  readonly state: Tensors
  /** how each row attends to the rows of its image, `[N, R]`, each summing to 1; for models that attend */
  readonly attention?: Tensor
}

/** The result of teacher forcing: all words of given captions. */
export interface Forced {
  /** the input of the output layer, `[B, T*C, D]`: for each image all first words, then all second words */
  readonly hidden: Tensor
  /** how each word attends to the rows of its image, `[B, T*C, R]`; for models that attend */
  readonly attention?: Tensor
}

/** What search needs of a captioner. B images, N rows of a search. */
export interface SearchModel {
  /** the weights by name */
  readonly parameters: ReadonlyMap<string, Parameter>
  /** sizes of its image inputs */
  readonly inputs: ImageSizes
  /** from hidden states to logits over the vocabulary of `size` words */
  readonly output: Pick<OutputLayer, 'size' | 'logits'>
  /**
   * Encodes images. Returns named tensors with B as the first size; step() and force() get them back under the same
   * names, and unused ones are never computed. Models with an SGIR name it as Encoder.named() does: representations and
   * explanations look it up there. With `noise` dropout is on.
   */
  encode(images: ImageTensors, noise?: Noise): Tensors
  /**
   * The state before the first word: named tensors with B as the first size. An axis of size 0 grows: step() returns it
   * larger by one with each word, as keys and values of the words so far do.
   */
  start(encoded: Tensors): Tensors
  /**
   * One word for each of N = B*G rows, G of each image, image by image: ids int32 `[N]`, the encoded images, with B as
   * the first size, and each row's state, with N as the first size.
   */
  step(words: Tensor, encoded: Tensors, state: Tensors, noise?: Noise): Step
}

/**
 * A captioner: an image encoder, a state, a step. The same code trains, searches, explains and exports every
 * implementation. B images, N rows of a search (each a hypothesis about one image), T words, C captions of
 * each image, D the width of the output layer's input.
 */
export interface CaptionModel extends SearchModel {
  readonly output: OutputLayer
  /**
   * Teacher forcing for the C captions of each image: ids int32 `[T, B*C]`, rows image by image. Models that compute
   * all words faster than one by one implement it; force() in force.ts unrolls step() for the others.
   */
  force?(words: Tensor, encoded: Tensors, captions: number, noise?: Noise): Forced
}
