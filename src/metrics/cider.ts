import { type DocumentFrequencies, numberFrequencies } from './document-frequencies.ts'
import { type Metric, meanScore } from './metric.ts'
import { type Ngrams, ORDERS } from './ngrams.ts'
import { References } from './references.ts'

/** Standard deviation of CIDEr-D's Gaussian length penalty. */
const SIGMA = 6

/** Options of CIDEr. */
export interface CiderOptions {
  /** Document frequencies of another corpus, usually the training set; by default those of the references. */
  readonly documentFrequencies?: DocumentFrequencies | undefined
  /**
   * Plain CIDEr: without the count clipping and the length penalty by which CIDEr-D prevents gaming. Default: false.
   */
  readonly plain?: boolean
}

/**
 * CIDEr-D, 0 to 10 (Vedantam et al., CVPR 2015, section 5), as coco-caption computes it, or plain CIDEr (section 4):
 * the mean cosine of the tf-idf vectors of candidate and reference over n-grams of 1 to 4 words, times 10. The idf of
 * an n-gram is log(images / images with it in a reference), so one image alone scores 0 unless `documentFrequencies`
 * come from a larger corpus.
 */
export function ciderOf({ documentFrequencies, plain = false }: CiderOptions): Metric {
  const name = plain ? 'CIDEr_plain' : 'CIDEr'
  const saved = documentFrequencies && numberFrequencies(documentFrequencies)
  const savedWeights = saved && inverseFrequencies(saved.frequency, documentFrequencies.images)
  return {
    names: [name],
    choices: [
      `n:${ORDERS}`,
      ...(plain ? [] : [`sigma:${SIGMA}`]),
      `df:${documentFrequencies ? `saved-${documentFrequencies.images}` : 'references'}`,
    ].join('|'),
    best: 10,
    prepare(captions) {
      const references = saved ? new References(captions, saved.ngrams) : References.of(captions)
      const images = documentFrequencies?.images ?? captions.length
      const weights = savedWeights ?? inverseFrequencies(countImages(references), images)
      const unseen = Math.log(images)
      const norms = references.captions.map((image) =>
        image.map((caption) => euclideanNorms(references.ngrams, caption, weights, unseen)),
      )
      return {
        score(candidates) {
          const each = references.mapCandidates(candidates, (ngrams, image) => {
            const norm = euclideanNorms(ngrams, image, weights, unseen)
            const length = ngrams.lengths[image]!
            let sum = 0
            for (const [i, caption] of references.captions[image]!.entries()) {
              const penalty = plain ? 1 : lengthPenalty(length, references.ngrams.lengths[caption]!)
              sum += penalty * cosine(references, caption, weights, norm, norms[image]![i]!, unseen, !plain)
            }
            return (10 * sum) / references.captions[image]!.length
          })
          return new Map([[name, meanScore(each)]])
        },
      }
    },
  }
}

/** CIDEr-D, 0 to 10, with the references' own document frequencies: see ciderOf(). */
export const cider = ciderOf({})

/** Document frequency of each n-gram of the references: the number of images that have it in a reference. */
function countImages({ captions, ngrams }: References): Uint32Array {
  const frequency = new Uint32Array(ngrams.numbering.size)
  const lastImage = new Int32Array(frequency.length).fill(-1)
  captions.forEach((indices, image) => {
    for (const caption of indices)
      for (let i = ngrams.starts[ORDERS * caption]!; i < ngrams.starts[ORDERS * (caption + 1)]!; i++) {
        const id = ngrams.ids[i]!
        if (lastImage[id] === image) continue
        lastImage[id] = image
        frequency[id]! += 1
      }
  })
  return frequency
}

/** Idf of each n-gram: log(images / document frequency), where a frequency of 0 counts as 1. */
function inverseFrequencies(frequency: Uint32Array, images: number): Float64Array {
  // Most n-grams have one of few frequencies, and a logarithm takes longer than a look at a table.
  const known = new Float64Array(64).map((_, count) => Math.log(images) - Math.log(Math.max(1, count)))
  const weights = new Float64Array(frequency.length)
  for (let id = 0; id < weights.length; id++) {
    const count = frequency[id]!
    weights[id] = count < known.length ? known[count]! : Math.log(images) - Math.log(count)
  }
  return weights
}

/** The idf of an n-gram; `unseen` for n-grams without a weight. */
const weightOf = (id: number, weights: Float64Array, unseen: number): number =>
  id < weights.length ? weights[id]! : unseen

/** By order: the norm of the caption's tf-idf vector. */
function euclideanNorms(ngrams: Ngrams, caption: number, weights: Float64Array, unseen: number): Float64Array {
  const norms = new Float64Array(ORDERS)
  for (let order = 0; order < ORDERS; order++) {
    let squares = 0
    for (let i = ngrams.starts[ORDERS * caption + order]!; i < ngrams.starts[ORDERS * caption + order + 1]!; i++)
      squares += (ngrams.counts[i]! * weightOf(ngrams.ids[i]!, weights, unseen)) ** 2
    norms[order] = Math.sqrt(squares)
  }
  return norms
}

/** Mean cosine over the orders. If `clipped`, the candidate's counts are clipped to the reference's. */
function cosine(
  { ngrams, candidateCounts }: References,
  caption: number,
  weights: Float64Array,
  candidateNorms: Float64Array,
  referenceNorms: Float64Array,
  unseen: number,
  clipped: boolean,
): number {
  let sum = 0
  for (let order = 0; order < ORDERS; order++) {
    let product = 0
    for (let i = ngrams.starts[ORDERS * caption + order]!; i < ngrams.starts[ORDERS * caption + order + 1]!; i++) {
      const id = ngrams.ids[i]!
      const candidateCount = candidateCounts[id]!
      if (candidateCount === 0) continue
      const count = ngrams.counts[i]!
      product +=
        (clipped ? Math.min(candidateCount, count) : candidateCount) * count * weightOf(id, weights, unseen) ** 2
    }
    const norms = candidateNorms[order]! * referenceNorms[order]!
    sum += norms === 0 ? product : product / norms
  }
  return sum / ORDERS
}

/**
 * Gaussian of the length difference. coco-caption measures length in bigrams (cider_scorer.py, counts2vec()), so
 * captions of no word and of one word are equally long.
 */
function lengthPenalty(candidate: number, reference: number): number {
  const difference = Math.max(0, candidate - 1) - Math.max(0, reference - 1)
  return Math.exp(-(difference ** 2) / (2 * SIGMA ** 2))
}
