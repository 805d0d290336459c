import { type Metric, type MetricName, pooledScore, type Score } from './metric.ts'
import { type Ngrams, ORDERS } from './ngrams.ts'
import { References } from './references.ts'

const NAMES = ['Bleu_1', 'Bleu_2', 'Bleu_3', 'Bleu_4'] as const satisfies readonly MetricName[]

// From coco-caption, pycocoevalcap/bleu/bleu_scorer.py, BleuScorer.compute_score(): `small = 1e-9` and `tiny = 1e-15`.
// They are added to denominators and numerators, so that a precision without matches is tiny instead of 0 or 0 / 0.
const SMALL = 1e-9
const TINY = 1e-15

/**
 * Length of an image's sufficient statistics, which add up over a corpus: candidate length, reference length, number of
 * candidate n-grams by order, number of matched n-grams by order.
 */
const WIDTH = 2 + 2 * ORDERS

/**
 * BLEU-1 to BLEU-4, 0 to 1 (Papineni et al., ACL 2002), as coco-caption computes them: the effective reference length
 * is the one closest to the candidate's, the shorter on ties. The corpus score pools the images' counts.
 */
export const bleu: Metric = {
  names: NAMES,
  choices: 'n:4|length:closest|add:1e-15/1e-9',
  best: 1,
  prepare(captions) {
    const references = References.of(captions)
    const maxCounts = new Int32Array(references.candidateCounts.length)
    return {
      score(candidates) {
        const statistics = references
          .mapCandidates(candidates, (ngrams, image) => statisticsOf(ngrams, image, references, maxCounts))
          .flat()
        return new Map<MetricName, Score>(
          NAMES.map((name, order) => [name, pooledScore(statistics, WIDTH, (counts) => scoreOf(counts, order))]),
        )
      },
    }
  },
}

/**
 * The sufficient statistics of one image. `maxCounts` is scratch space, all 0 between calls: by n-gram its largest
 * count in one reference.
 */
function statisticsOf(candidates: Ngrams, image: number, references: References, maxCounts: Int32Array): number[] {
  const { ngrams, candidateCounts } = references
  const captions = references.captions[image]!
  for (const caption of captions)
    for (let i = ngrams.starts[ORDERS * caption]!; i < ngrams.starts[ORDERS * (caption + 1)]!; i++) {
      const id = ngrams.ids[i]!
      if (candidateCounts[id] !== 0) maxCounts[id] = Math.max(maxCounts[id]!, ngrams.counts[i]!)
    }
  const length = candidates.lengths[image]!
  const matched = new Array<number>(ORDERS).fill(0)
  for (let order = 0; order < ORDERS; order++)
    for (let i = candidates.starts[ORDERS * image + order]!; i < candidates.starts[ORDERS * image + order + 1]!; i++) {
      const id = candidates.ids[i]!
      if (id >= maxCounts.length) continue // no reference has it
      matched[order]! += Math.min(candidates.counts[i]!, maxCounts[id]!)
      maxCounts[id] = 0
    }
  const lengths = captions.map((caption) => ngrams.lengths[caption]!)
  const total = matched.map((_, order) => Math.max(0, length - order))
  return [length, closest(lengths, length), ...total, ...matched]
}

/** The reference length closest to the candidate's, the shorter on ties. */
function closest(lengths: readonly number[], length: number): number {
  const distance = (other: number): number => Math.abs(other - length)
  return lengths.reduce((best, other) =>
    distance(other) < distance(best) || (distance(other) === distance(best) && other < best) ? other : best,
  )
}

/** BLEU of an order: the geometric mean of the n-gram precisions up to it, times the brevity penalty. */
function scoreOf(counts: Float64Array, order: number): number {
  const ratio = (counts[0]! + TINY) / (counts[1]! + SMALL)
  const penalty = ratio < 1 ? Math.exp(1 - 1 / ratio) : 1
  let product = 1
  for (let n = 0; n <= order; n++) product *= (counts[2 + ORDERS + n]! + TINY) / (counts[2 + n]! + SMALL)
  return product ** (1 / (order + 1)) * penalty
}
