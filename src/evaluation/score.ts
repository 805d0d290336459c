import type { GeneratedCaption } from '../caption/caption-all.ts'
import type { ImageEntry } from '../data/dataset.ts'
import type { Metric, MetricName } from '../metrics/index.ts'

/** The scores of captions: of the corpus by name, and the CIDEr of each image. */
export interface CaptionScores {
  readonly corpus: Partial<Record<MetricName, number>>
  readonly cider: readonly number[]
}

/** Scores captions, one for each image in order, against the images' references, by some metrics, CIDEr among them. */
export function scoreCaptions(
  images: readonly ImageEntry[],
  captions: readonly Pick<GeneratedCaption, 'caption'>[],
  metrics: readonly Metric[],
): CaptionScores {
  const references = images.map(({ tokens }) => tokens.map((caption) => caption.split(' ')))
  const candidates = captions.map(({ caption }) => (caption === '' ? [] : caption.split(' ')))
  const scores = metrics.map((metric) => metric.prepare(references).score(candidates))
  const corpus = Object.fromEntries(
    scores.flatMap((each) => [...each].map(([name, { corpus: value }]) => [name, value])),
  )
  return { corpus, cider: scores.find((each) => each.has('CIDEr'))!.get('CIDEr')!.each }
}
