import type { ImageEntry } from '../data/dataset.ts'
import type { Metric, MetricName } from '../metrics/index.ts'
import type { Watch } from '../progress.ts'
import { beamSearch } from '../search/index.ts'
import type { CaptionerDecoder } from '../search/model-stepper.ts'
import type { Vocabulary } from '../text/vocabulary.ts'

/** A caption made for an image. */
export interface MadeCaption {
  readonly id: string
  readonly caption: string
  /** its words as ids, the closing `<end>` left out, and the natural logarithm of each one's probability */
  readonly words: readonly number[]
  readonly wordLogProbs: readonly number[]
  /** the sum of its words' log-probabilities, in nats */
  readonly logProb: number
}

/** How sure a model is of a caption's words, from 0 to 1: the geometric mean of their probabilities, the end's among them. It does not fall with the length. */
export const confidenceOf = ({ words, logProb }: Pick<MadeCaption, 'words' | 'logProb'>): number =>
  Math.exp(logProb / (words.length + 1))

/** What reads the inputs of images: features as float16 bits `[n, R, F]` and word ids of concepts `[n, K]`. */
export interface ImageInputs {
  features(ids: readonly string[]): Promise<Uint16Array>
  concepts(ids: readonly string[]): Int32Array
}

/** Images decoded together: enough to fill the processor, few enough to keep their regions in its cache. */
const IMAGES_PER_BATCH = 50

/** Captions images by beam search. */
export async function captionAll(
  decoder: CaptionerDecoder,
  inputs: ImageInputs,
  ids: readonly string[],
  {
    vocabulary,
    beam,
    maxLength,
    onProgress,
    signal,
  }: { vocabulary: Vocabulary; beam: number; maxLength: number } & Watch,
): Promise<MadeCaption[]> {
  const made: MadeCaption[] = []
  for (let start = 0; start < ids.length; start += IMAGES_PER_BATCH) {
    signal?.throwIfAborted()
    const batch = ids.slice(start, start + IMAGES_PER_BATCH)
    const stepper = await decoder.look(await inputs.features(batch), inputs.concepts(batch))
    const found = await beamSearch(stepper, batch.length, { beam, maxLength, keep: 1, ...(signal && { signal }) })
    for (const [i, [best]] of found.entries()) {
      const { logProb, finished } = best!
      const words = finished ? best!.words.slice(0, -1) : best!.words
      const wordLogProbs = best!.wordLogProbs.slice(0, words.length)
      made.push({ id: batch[i]!, caption: vocabulary.decode(words).join(' '), words, wordLogProbs, logProb })
    }
    onProgress?.(made.length, ids.length)
  }
  return made
}

/** The scores of captions against the captions people wrote, by some metrics, CIDEr among them; one caption for each image, in order. */
export function scoreCaptions(
  images: readonly ImageEntry[],
  captions: readonly MadeCaption[],
  metrics: readonly Metric[],
): { corpus: Partial<Record<MetricName, number>>; cider: readonly number[] } {
  const references = images.map(({ tokens }) => tokens.map((caption) => caption.split(' ')))
  const candidates = captions.map(({ caption }) => (caption === '' ? [] : caption.split(' ')))
  const scores = metrics.map((metric) => metric.prepare(references).score(candidates))
  const corpus = Object.fromEntries(
    scores.flatMap((each) => [...each].map(([name, { corpus: value }]) => [name, value])),
  )
  return { corpus, cider: scores.find((each) => each.has('CIDEr'))!.get('CIDEr')!.each }
}
