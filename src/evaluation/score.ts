import type { GeneratedCaption } from '../caption/caption-all.ts'
import type { ImageEntry } from '../data/dataset.ts'
import {
  cider as ciderMetric,
  diversity,
  documentFrequencies,
  FAMILIES,
  type Metric,
  type MetricName,
  type Score,
} from '../metrics/index.ts'

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

/** The metrics that captions are scored by if nobody asks for others. */
export const usualMetrics = (): Promise<Metric[]> =>
  Promise.all(FAMILIES.filter(({ usual }) => usual.length > 0).map((family) => family.load({})))

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

/**
 * Scores of several captions of each image: `CIDEr best of n`, the mean over the images of the best caption's CIDEr by
 * the references, which no search can know; and the diversity of all captions, see diversity().
 */
export function scoreSeveral(
  images: readonly ImageEntry[],
  captions: readonly Pick<GeneratedCaption, 'caption' | 'alternatives'>[],
): Record<string, number> {
  const all = captions.map((each) => [each, ...each.alternatives])
  const most = Math.max(...all.map(({ length }) => length))
  const best = new Array<number>(images.length).fill(0)
  for (let place = 0; place < most; place++) {
    const there = all.map((each) => each[Math.min(place, each.length - 1)]!)
    const { cider } = scoreCaptions(images, there, [ciderMetric])
    for (const [i, score] of cider.entries()) best[i] = Math.max(best[i]!, score)
  }
  const tokens = (caption: string): string[] => (caption === '' ? [] : caption.split(' '))
  const references = images.map((image) => image.tokens.map(tokens))
  const { vocabulary, distinct_1, distinct_2, selfCIDEr } = diversity(
    all.map((each) => each.map(({ caption }) => tokens(caption))),
    { documentFrequencies: documentFrequencies(references) },
  )
  return {
    'CIDEr best of n': best.reduce((sum, score) => sum + score, 0) / best.length,
    vocabulary,
    distinct_1,
    distinct_2,
    ...(selfCIDEr !== undefined && { selfCIDEr }),
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
