import type { ImageInput } from '../engine/pictures.ts'
import type { Explanation } from './explainer.ts'
import type { FoundConcept, NamedImage, SkippedImage } from './photo-reader.ts'

/** A caption of a picture. */
export interface PhotoCaption extends NamedImage {
  readonly caption: string
  /** its words, each with its probability given the words before it, from 0 to 1 */
  readonly words: readonly { readonly word: string; readonly probability: number }[]
  /** the probability of the whole caption, from 0 to 1 */
  readonly probability: number
  /**
   * the geometric mean of the words' probabilities, from 0 to 1; unlike the whole's it does not fall with the length
   */
  readonly confidence: number
  /** the concepts with the highest confidence, best first; none for models that use none */
  readonly concepts: readonly FoundConcept[]
}

/** A caption and what the model attended to. */
export interface ExplainedCaption extends PhotoCaption {
  /** the picture as it was given */
  readonly picture: ImageInput
  /** all concepts that the model got, in the order of the alignments' columns */
  readonly allConcepts: readonly FoundConcept[]
  readonly explanation: Explanation
  /** left, top, right, bottom of each region as fractions of width and height, `[regions, 4]` */
  readonly boxes: Float32Array
}

/** Captions of pictures, and the pictures that have none. */
export interface Captions<T> {
  readonly captions: T[]
  readonly skipped: SkippedImage[]
}
