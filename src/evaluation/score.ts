import type { GeneratedCaption } from '../caption/caption-all.ts'
import type { ImageEntry } from '../data/dataset.ts'
import type { Metric, MetricName, Score } from '../metrics/index.ts'

/** The scores of captions. */
export interface CaptionScores {
  /** corpus scores by name, without undefined ones (NaN), as SPICE-ts_count if nothing is counted */
  readonly corpus: Partial<Record<MetricName, number>>
  /** corpus scores of the images of each dataset, if the images are of several; named `CIDEr flickr8k` */
  readonly byDataset: Readonly<Record<string, number>>
  /** the CIDEr of each image */
  readonly cider: readonly number[]
}

/** Seconds that scoring may keep the main thread from all else, as the metrics of all of COCO's images do. */
export const SCORING_SECONDS = 600

/**
 * Scores captions, one for each image in order, against the images' references, by some metrics, CIDEr among them. The
 * images of each dataset are scored by themselves too: CIDEr's document frequencies are then those of that dataset.
 */
export function scoreCaptions(
  images: readonly ImageEntry[],
  captions: readonly Pick<GeneratedCaption, 'caption'>[],
  metrics: readonly Metric[],
): CaptionScores {
  const scores = scoresOf(images, captions, metrics)
  const datasets = new Set(images.map(({ dataset }) => dataset))
  const byDataset: Record<string, number> = {}
  if (datasets.size > 1)
    for (const dataset of datasets) {
      const places = [...images.keys()].filter((i) => images[i]!.dataset === dataset)
      const [own, theirs] = [places.map((i) => images[i]!), places.map((i) => captions[i]!)]
      for (const [name, score] of Object.entries(corpusScores(scoresOf(own, theirs, metrics))))
        byDataset[`${name} ${dataset}`] = score
    }
  return {
    corpus: corpusScores(scores),
    byDataset,
    cider: scores.find((each) => each.has('CIDEr'))!.get('CIDEr')!.each,
  }
}

type Scores = ReadonlyMap<MetricName, Score>

function scoresOf(
  images: readonly ImageEntry[],
  captions: readonly Pick<GeneratedCaption, 'caption'>[],
  metrics: readonly Metric[],
): Scores[] {
  const references = images.map(({ tokens }) => tokens.map((caption) => caption.split(' ')))
  const candidates = captions.map(({ caption }) => (caption === '' ? [] : caption.split(' ')))
  return metrics.map((metric) => metric.prepare(references).score(candidates))
}

/** The corpus scores by name, without undefined ones. */
const corpusScores = (scores: readonly Scores[]): Partial<Record<MetricName, number>> =>
  Object.fromEntries(
    scores.flatMap((each) =>
      [...each].flatMap(([name, { corpus }]) => (Number.isNaN(corpus) ? [] : [[name, corpus] as const])),
    ),
  )
