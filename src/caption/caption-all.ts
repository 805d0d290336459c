import type { Watch } from '../progress.ts'
import type { ModelDecoder } from '../search/model-stepper.ts'
import { type SearchOptions, search } from '../search/search.ts'
import type { Vocabulary } from '../text/vocabulary.ts'

/** A generated caption. */
export interface GeneratedCaption {
  readonly caption: string
  /** its words as ids, without the closing `<end>` */
  readonly words: readonly number[]
  /** the natural logarithm of each word's probability */
  readonly wordLogProbs: readonly number[]
  /** the sum of the words' log-probabilities and that of `<end>`, in nats */
  readonly logProb: number
}

/** A generated caption of an image of a dataset. */
export interface ImageCaption extends GeneratedCaption {
  readonly id: string
}

/**
 * The geometric mean of the probabilities of a caption's words, `<end>` included, from 0 to 1. It does not fall with
 * the length.
 */
export const meanProbability = ({ words, logProb }: Pick<GeneratedCaption, 'words' | 'logProb'>): number =>
  Math.exp(logProb / (words.length + 1))

/** The inputs of a batch of images: features as float16 bits `[B, R, F]` and word ids of concepts `[B, K]`. */
export interface ImageBatch {
  readonly images: number
  readonly features: Uint16Array
  readonly concepts: Int32Array
}

/** The most probable caption of each image of a batch. */
export async function captionBatch(
  decoder: ModelDecoder,
  { images, features, concepts }: ImageBatch,
  vocabulary: Vocabulary,
  options: Omit<SearchOptions, 'keep'>,
): Promise<GeneratedCaption[]> {
  const stepper = await decoder.encode(features, concepts)
  try {
    const found = await search(stepper, images, { ...options, keep: 1 })
    return found.map(([best]) => {
      const { logProb, finished } = best!
      const words = finished ? best!.words.slice(0, -1) : best!.words
      const wordLogProbs = best!.wordLogProbs.slice(0, words.length)
      return { caption: vocabulary.decode(words).join(' '), words, wordLogProbs, logProb }
    })
  } finally {
    stepper.release()
  }
}

/** Reads the inputs of images by their ids: features as float16 bits `[B, R, F]` and word ids of concepts `[B, K]`. */
export interface ImageInputs {
  features(ids: readonly string[]): Promise<Uint16Array>
  concepts(ids: readonly string[]): Int32Array
}

/** Images decoded together: enough to fill the processor, few enough that their regions stay in its cache. */
export const IMAGES_PER_BATCH = 50

/** Captions images by beam search, batch by batch, in their order. */
export async function captionAll(
  decoder: ModelDecoder,
  inputs: ImageInputs,
  ids: readonly string[],
  {
    vocabulary,
    onProgress,
    signal,
    ...options
  }: Omit<SearchOptions, 'keep' | 'signal'> & { readonly vocabulary: Vocabulary } & Watch,
): Promise<ImageCaption[]> {
  const captions: ImageCaption[] = []
  for (let start = 0; start < ids.length; start += IMAGES_PER_BATCH) {
    signal?.throwIfAborted()
    const batch = ids.slice(start, start + IMAGES_PER_BATCH)
    const images = {
      images: batch.length,
      features: await inputs.features(batch),
      concepts: inputs.concepts(batch),
    }
    const generated = await captionBatch(decoder, images, vocabulary, { ...options, ...(signal && { signal }) })
    captions.push(...generated.map((caption, i) => ({ id: batch[i]!, ...caption })))
    onProgress?.(captions.length, ids.length)
  }
  return captions
}
