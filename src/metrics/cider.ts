import type { Metric } from './metric.ts'
import { type Ngrams, ORDERS } from './ngrams.ts'
import { References } from './references.ts'

const SIGMA = 6

/**
 * CIDEr-D (Vedantam et al., CVPR 2015, section 5) as coco-caption computes it, times 10. An n-gram weighs the more the
 * fewer images have it in their references: log(images / images with it). With one image all weights are 0.
 */
export const cider: Metric = {
  names: ['CIDEr'],
  choices: `n:${ORDERS}|sigma:${SIGMA}|df:references`,
  best: 10,
  prepare(captions) {
    const references = new References(captions)
    const weights = inverseDocumentFrequencies(references)
    const unseen = Math.log(captions.length)
    const norms = references.captions.map((image) =>
      image.map((caption) => euclideanNorms(references.ngrams, caption, weights, unseen)),
    )
    return {
      score(candidates) {
        const each = references.judge(candidates, (ngrams, image) => {
          const norm = euclideanNorms(ngrams, image, weights, unseen)
          const length = ngrams.lengths[image]!
          const similarities = references.captions[image]!.map((caption, i) => {
            const penalty = lengthPenalty(length, references.ngrams.lengths[caption]!)
            return penalty * cosine(references, caption, weights, norm, norms[image]![i]!)
          })
          return 10 * mean(similarities)
        })
        return new Map([['CIDEr', { corpus: mean(each), each }]])
      },
    }
  },
}

const mean = (numbers: readonly number[]): number => numbers.reduce((sum, n) => sum + n, 0) / numbers.length

/** By n-gram of the references: log(images / images that have it in a reference). */
function inverseDocumentFrequencies({ captions, ngrams }: References): Float64Array {
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
  return Float64Array.from(frequency, (count) => Math.log(captions.length) - Math.log(count))
}

/** By order: the length of the caption's vector of counts times weights. N-grams that no reference has weigh `unseen`. */
function euclideanNorms(ngrams: Ngrams, caption: number, weights: Float64Array, unseen: number): number[] {
  const norms: number[] = []
  for (let order = 0; order < ORDERS; order++) {
    let squares = 0
    for (let i = ngrams.starts[ORDERS * caption + order]!; i < ngrams.starts[ORDERS * caption + order + 1]!; i++)
      squares += (ngrams.counts[i]! * (weights[ngrams.ids[i]!] ?? unseen)) ** 2
    norms.push(Math.sqrt(squares))
  }
  return norms
}

/** Mean over the orders of the cosine, where the candidate has no more of an n-gram than the reference. */
function cosine(
  { ngrams, inCandidate }: References,
  caption: number,
  weights: Float64Array,
  candidateNorms: readonly number[],
  referenceNorms: readonly number[],
): number {
  let sum = 0
  for (let order = 0; order < ORDERS; order++) {
    let product = 0
    for (let i = ngrams.starts[ORDERS * caption + order]!; i < ngrams.starts[ORDERS * caption + order + 1]!; i++) {
      const id = ngrams.ids[i]!
      const count = ngrams.counts[i]!
      product += Math.min(inCandidate[id]!, count) * count * weights[id]! ** 2
    }
    const norms = candidateNorms[order]! * referenceNorms[order]!
    sum += norms === 0 ? product : product / norms
  }
  return sum / ORDERS
}

/** Gaussian in the difference of lengths. coco-caption counts bigrams: a caption of no word is as long as one of one. */
function lengthPenalty(candidate: number, reference: number): number {
  const difference = Math.max(0, candidate - 1) - Math.max(0, reference - 1)
  return Math.exp(-(difference ** 2) / (2 * SIGMA ** 2))
}
