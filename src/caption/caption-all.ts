import type { Watch } from '../progress.ts'
import type { ModelDecoder } from '../search/model-stepper.ts'
import { type SearchOptions, search } from '../search/search.ts'
import type { Hypothesis } from '../search/trace.ts'
import type { Vocabulary } from '../text/vocabulary.ts'
import type { WordValues } from './concept-values.ts'
import { type SearchChoices, searchFor, searchSettings } from './search-settings.ts'

/** A caption and its probabilities. */
export interface GeneratedText {
  readonly caption: string
  /** its words as ids, without the closing `<end>` */
  readonly words: readonly number[]
  /** the natural logarithm of each word's probability */
  readonly wordLogProbs: readonly number[]
  /** the sum of the words' log-probabilities and that of `<end>`, in nats */
  readonly logProb: number
}

/** What is generated for an image: its best caption, and others if several are asked for. */
export interface GeneratedCaption extends GeneratedText {
  /** the other captions, best first */
  readonly alternatives: readonly GeneratedText[]
}

/** A generated caption of an image of a dataset. */
export interface ImageCaption extends GeneratedCaption {
  readonly id: string
}

/**
 * The geometric mean of the probabilities of a caption's words, `<end>` included, from 0 to 1. It does not fall with
 * the length.
 */
export const meanProbability = ({ words, logProb }: Pick<GeneratedText, 'words' | 'logProb'>): number =>
  Math.exp(logProb / (words.length + 1))

/** The inputs of a batch of images: features as float16 bits `[B, R, F]` and word ids of concepts `[B, K]`. */
export interface ImageBatch {
  readonly images: number
  readonly features: Uint16Array
  readonly concepts: Int32Array
}

/** The best captions of each image of a batch: one, unless the search is to keep more. */
export async function captionBatch(
  decoder: ModelDecoder,
  { images, features, concepts }: ImageBatch,
  vocabulary: Vocabulary,
  options: SearchOptions,
): Promise<GeneratedCaption[]> {
  const stepper = await decoder.encode(features, concepts)
  try {
    const found = await search(stepper, images, { keep: 1, ...options })
    return found.map((hypotheses) => {
      const [best, ...alternatives] = hypotheses.map((each) => textOf(each, vocabulary))
      return { ...best!, alternatives }
    })
  } finally {
    stepper.release()
  }
}

function textOf({ words: ids, wordLogProbs, logProb, finished }: Hypothesis, vocabulary: Vocabulary): GeneratedText {
  const words = finished ? ids.slice(0, -1) : ids
  return {
    caption: vocabulary.decode(words).join(' '),
    words,
    wordLogProbs: wordLogProbs.slice(0, words.length),
    logProb,
  }
}

/** Reads the inputs of images by their ids: features as float16 bits `[B, R, F]` and word ids of concepts `[B, K]`. */
export interface ImageInputs {
  features(ids: readonly string[]): Promise<Uint16Array>
  concepts(ids: readonly string[]): Int32Array
  /** what words are worth in the captions, see conceptValues(); undefined without a detector that knows */
  values(ids: readonly string[]): readonly WordValues[] | undefined
}

/** Images decoded together: enough to fill the processor, few enough that their regions stay in its cache. */
export const IMAGES_PER_BATCH = 50

/** How captionAll() captions. */
export interface CaptionAllSettings extends Watch {
  readonly vocabulary: Vocabulary
  /** how captions are searched for, by default as published */
  readonly search?: SearchChoices
}

/** Captions images batch by batch, in their order. Throws RangeError as searchSettings() does. */
export async function captionAll(
  decoder: ModelDecoder,
  inputs: ImageInputs,
  ids: readonly string[],
  { vocabulary, search: choices = {}, onProgress, signal }: CaptionAllSettings,
): Promise<ImageCaption[]> {
  const optionsOf = searchFor(searchSettings(choices), vocabulary)
  const captions: ImageCaption[] = []
  for (let start = 0; start < ids.length; start += IMAGES_PER_BATCH) {
    signal?.throwIfAborted()
    const batch = ids.slice(start, start + IMAGES_PER_BATCH)
    const images = {
      images: batch.length,
      features: await inputs.features(batch),
      concepts: inputs.concepts(batch),
    }
    const options = { ...optionsOf(batch, inputs.values(batch)), ...(signal && { signal }) }
    const generated = await captionBatch(decoder, images, vocabulary, options)
    captions.push(...generated.map((caption, i) => ({ id: batch[i]!, ...caption })))
    onProgress?.(captions.length, ids.length)
  }
  return captions
}
