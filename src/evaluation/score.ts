import type { GeneratedCaption } from '../caption/caption-all.ts'
import type { ImageEntry } from '../data/dataset.ts'
import type { Metric, MetricName } from '../metrics/index.ts'

/** The scores of captions. */
export interface CaptionScores {
  /** corpus scores by name, without undefined ones (NaN), as SPICE-ts_count if nothing is counted */
  readonly corpus: Partial<Record<MetricName, number>>
  /** the CIDEr of each image */
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
    scores.flatMap((each) =>
      [...each].flatMap(([name, { corpus: value }]) => (Number.isNaN(value) ? [] : [[name, value] as const])),
    ),
  )
  return { corpus, cider: scores.find((each) => each.has('CIDEr'))!.get('CIDEr')!.each }
}
