import type { Metric, MetricName, Score } from './metric.ts'
import { type Ngrams, ORDERS } from './ngrams.ts'
import { References } from './references.ts'

const NAMES = ['Bleu_1', 'Bleu_2', 'Bleu_3', 'Bleu_4'] as const satisfies readonly MetricName[]

// coco-caption adds these so that no n-gram in common gives a very small score, not 0 nor 0 / 0.
const TINY = 1e-15
const SMALL = 1e-9

/** What BLEU is computed from. Those of a corpus are the sums of those of its images. */
interface Statistics {
  candidateLength: number
  referenceLength: number
  /** By order: the candidate's n-grams, and those of them that count as right. */
  readonly guessed: number[]
  readonly correct: number[]
}

/**
 * BLEU-1 to BLEU-4 (Papineni et al., 2002) as coco-caption computes them: the reference length is the one closest to the
 * candidate's, the shorter of two equally close. The corpus score is made from the summed counts.
 */
export const bleu: Metric = {
  names: NAMES,
  choices: 'n:4|length:closest|add:1e-15/1e-9',
  best: 1,
  prepare(captions) {
    const references = new References(captions)
    const most = new Int32Array(references.inCandidate.length)
    return {
      score(candidates) {
        const total: Statistics = { candidateLength: 0, referenceLength: 0, guessed: zeros(), correct: zeros() }
        const each = references.judge(candidates, (ngrams, image) => {
          const statistics = compare(ngrams, image, references, most)
          add(total, statistics)
          return scores(statistics)
        })
        const corpus = scores(total)
        return new Map<MetricName, Score>(
          NAMES.map((name, order) => [name, { corpus: corpus[order]!, each: each.map((image) => image[order]!) }]),
        )
      },
    }
  },
}

const zeros = (): number[] => new Array<number>(ORDERS).fill(0)

/** `most` is where the counts of the reference that has most of an n-gram are gathered; all 0 between calls. */
function compare(candidates: Ngrams, image: number, references: References, most: Int32Array): Statistics {
  const { ngrams, inCandidate } = references
  const captions = references.captions[image]!
  for (const caption of captions)
    for (let i = ngrams.starts[ORDERS * caption]!; i < ngrams.starts[ORDERS * (caption + 1)]!; i++) {
      const id = ngrams.ids[i]!
      if (inCandidate[id] !== 0) most[id] = Math.max(most[id]!, ngrams.counts[i]!)
    }
  const length = candidates.lengths[image]!
  const correct = zeros()
  for (let order = 0; order < ORDERS; order++)
    for (let i = candidates.starts[ORDERS * image + order]!; i < candidates.starts[ORDERS * image + order + 1]!; i++) {
      const id = candidates.ids[i]!
      correct[order]! += Math.min(candidates.counts[i]!, most[id] ?? 0)
      most[id] = 0
    }
  const lengths = captions.map((caption) => ngrams.lengths[caption]!)
  return {
    candidateLength: length,
    referenceLength: closest(lengths, length),
    guessed: correct.map((_, order) => Math.max(0, length - order)),
    correct,
  }
}

function closest(lengths: readonly number[], length: number): number {
  const distance = (other: number): number => Math.abs(other - length)
  return lengths.reduce((best, other) =>
    distance(other) < distance(best) || (distance(other) === distance(best) && other < best) ? other : best,
  )
}

function add(total: Statistics, more: Statistics): void {
  total.candidateLength += more.candidateLength
  total.referenceLength += more.referenceLength
  for (let order = 0; order < ORDERS; order++) {
    total.guessed[order]! += more.guessed[order]!
    total.correct[order]! += more.correct[order]!
  }
}

/** BLEU of each order: the geometric mean of the precisions up to it, times the penalty for being short. */
function scores({ candidateLength, referenceLength, guessed, correct }: Statistics): number[] {
  const ratio = (candidateLength + TINY) / (referenceLength + SMALL)
  const penalty = ratio < 1 ? Math.exp(1 - 1 / ratio) : 1
  let product = 1
  return guessed.map((guesses, order) => {
    product *= (correct[order]! + TINY) / (guesses + SMALL)
    return product ** (1 / (order + 1)) * penalty
  })
}
