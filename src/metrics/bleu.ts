import { type Metric, type MetricName, pooledScore, type Score } from './metric.ts'
import { type Ngrams, ORDERS } from './ngrams.ts'
import { References } from './references.ts'

const NAMES = ['Bleu_1', 'Bleu_2', 'Bleu_3', 'Bleu_4'] as const satisfies readonly MetricName[]

// coco-caption adds these so that no n-gram in common gives a very small score, not 0 nor 0 / 0.
const TINY = 1e-15
const SMALL = 1e-9

/** What BLEU is computed from, as numbers that sum up to those of a corpus: lengths of candidate and reference; by order n-grams guessed, and those right. */
const WIDTH = 2 + 2 * ORDERS

/**
 * BLEU-1 to BLEU-4 (Papineni et al., 2002) as coco-caption computes them: the reference length is the one closest to the
 * candidate's, the shorter of two equally close. The corpus score is made from the summed counts.
 */
export const bleu: Metric = {
  names: NAMES,
  choices: 'n:4|length:closest|add:1e-15/1e-9',
  best: 1,
  prepare(captions) {
    const references = References.of(captions)
    const most = new Int32Array(references.inCandidate.length)
    return {
      score(candidates) {
        const statistics = references
          .judge(candidates, (ngrams, image) => compare(ngrams, image, references, most))
          .flat()
        return new Map<MetricName, Score>(
          NAMES.map((name, order) => [name, pooledScore(statistics, WIDTH, (counts) => scoreOf(counts, order))]),
        )
      },
    }
  },
}

/** `most` is where the counts of the reference that has most of an n-gram are gathered; all 0 between calls. */
function compare(candidates: Ngrams, image: number, references: References, most: Int32Array): number[] {
  const { ngrams, inCandidate } = references
  const captions = references.captions[image]!
  for (const caption of captions)
    for (let i = ngrams.starts[ORDERS * caption]!; i < ngrams.starts[ORDERS * (caption + 1)]!; i++) {
      const id = ngrams.ids[i]!
      if (inCandidate[id] !== 0) most[id] = Math.max(most[id]!, ngrams.counts[i]!)
    }
  const length = candidates.lengths[image]!
  const correct = new Array<number>(ORDERS).fill(0)
  for (let order = 0; order < ORDERS; order++)
    for (let i = candidates.starts[ORDERS * image + order]!; i < candidates.starts[ORDERS * image + order + 1]!; i++) {
      const id = candidates.ids[i]!
      if (id >= most.length) continue // no reference has it
      correct[order]! += Math.min(candidates.counts[i]!, most[id]!)
      most[id] = 0
    }
  const lengths = captions.map((caption) => ngrams.lengths[caption]!)
  const guessed = correct.map((_, order) => Math.max(0, length - order))
  return [length, closest(lengths, length), ...guessed, ...correct]
}

function closest(lengths: readonly number[], length: number): number {
  const distance = (other: number): number => Math.abs(other - length)
  return lengths.reduce((best, other) =>
    distance(other) < distance(best) || (distance(other) === distance(best) && other < best) ? other : best,
  )
}

/** BLEU of an order: the geometric mean of the precisions up to it, times the penalty for being short. */
function scoreOf(counts: Float64Array, order: number): number {
  const ratio = (counts[0]! + TINY) / (counts[1]! + SMALL)
  const penalty = ratio < 1 ? Math.exp(1 - 1 / ratio) : 1
  let product = 1
  for (let n = 0; n <= order; n++) product *= (counts[2 + ORDERS + n]! + TINY) / (counts[2 + n]! + SMALL)
  return product ** (1 / (order + 1)) * penalty
}
