import type { ImageInput } from '../engine/pictures.ts'
import { calibrated } from './calibration.ts'
import { type GeneratedCaption, type GeneratedText, meanProbability } from './caption-all.ts'
import type { Explanation } from './explainer.ts'
import type { FoundConcept, NamedImage, ReadImage, SkippedImage } from './photo-reader.ts'
import type { TrainedCaptioner } from './trained-captioner.ts'

/** Concepts listed with a caption. */
const SHOWN_CONCEPTS = 8

/** A caption and its probabilities. */
export interface CaptionText {
  readonly caption: string
  /** its words, each with its probability given the words before it, from 0 to 1 */
  readonly words: readonly { readonly word: string; readonly probability: number }[]
  /** the probability of the whole caption, from 0 to 1 */
  readonly probability: number
  /**
   * The probability that the caption fits the image, from 0 to 1, if the captioner is calibrated, as packaged ones are;
   * else the geometric mean of the words' probabilities. Neither falls with the caption's length.
   */
  readonly confidence: number
}

/** The captions of an image: the best one, and others if several are asked for. */
export interface ImageCaption extends NamedImage, CaptionText {
  /** the other captions, best first */
  readonly alternatives: readonly CaptionText[]
  /** the concepts with the highest confidence, best first; empty for models that use no concepts */
  readonly concepts: readonly FoundConcept[]
}

/** A caption with the model's attention. */
export interface ExplainedCaption extends ImageCaption {
  /** the image as the caller passed it */
  readonly input: ImageInput
  /** all concepts fed to the model, in the order of the alignments' columns */
  readonly allConcepts: readonly FoundConcept[]
  readonly explanation: Explanation
  /** left, top, right, bottom of each region as fractions of width and height, `[regions, 4]` */
  readonly boxes: Float32Array
}

/** Captions of images, and the images that could not be read. */
export interface Captions<T> {
  readonly captions: T[]
  readonly skipped: SkippedImage[]
}

/** The caption of an image that `captioner` generated, in words, with its confidence. */
export function photoCaption(
  { image, index, concepts }: ReadImage,
  generated: GeneratedCaption,
  captioner: Pick<TrainedCaptioner, 'vocabulary' | 'calibration'>,
): ImageCaption {
  return {
    image,
    index,
    ...textOf(generated, captioner),
    alternatives: generated.alternatives.map((each) => textOf(each, captioner)),
    concepts: concepts.slice(0, SHOWN_CONCEPTS),
  }
}

function textOf(
  generated: GeneratedText,
  { vocabulary, calibration }: Pick<TrainedCaptioner, 'vocabulary' | 'calibration'>,
): CaptionText {
  const { caption, words, wordLogProbs, logProb } = generated
  const mean = meanProbability(generated)
  return {
    caption,
    words: vocabulary.decode(words).map((word, t) => ({ word, probability: Math.exp(wordLogProbs[t]!) })),
    probability: Math.exp(logProb),
    confidence: calibration ? calibrated(calibration, mean) : mean,
  }
}
