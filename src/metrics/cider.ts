import { type DocumentFrequencies, numberFrequencies } from './document-frequencies.ts'
import { type Metric, meanScore } from './metric.ts'
import { type Ngrams, ORDERS } from './ngrams.ts'
import { References } from './references.ts'

const SIGMA = 6

export interface CiderOptions {
  /** of another corpus, a training set's as a rule, instead of the references' own */
  readonly documentFrequencies?: DocumentFrequencies | undefined
  /** the first form of CIDEr, without what CIDEr-D adds against captions that game it: clipped counts and the penalty for another length */
  readonly plain?: boolean
}

/**
 * CIDEr-D (Vedantam et al., CVPR 2015, section 5) as coco-caption computes it, times 10, or plain CIDEr (section 4). An n-gram weighs the more the
 * fewer images have it in their references: log(images / images with it). With one image all weights are 0, unless the frequencies are another corpus's.
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
          const each = references.judge(candidates, (ngrams, image) => {
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

/** CIDEr-D with the references' own document frequencies. */
export const cider = ciderOf({})

/** By n-gram of the references: how many images have it in one. */
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

/** By n-gram: log(images / images that have it); one that none has weighs as one that one has. */
const inverseFrequencies = (frequency: Uint32Array, images: number): Float64Array =>
  Float64Array.from(frequency, (count) => Math.log(images) - Math.log(Math.max(1, count)))

/** N-grams beyond the weights weigh `unseen`. */
const weightOf = (id: number, weights: Float64Array, unseen: number): number =>
  id < weights.length ? weights[id]! : unseen

/** By order: the length of the caption's vector of counts times weights. */
function euclideanNorms(ngrams: Ngrams, caption: number, weights: Float64Array, unseen: number): number[] {
  const norms: number[] = []
  for (let order = 0; order < ORDERS; order++) {
    let squares = 0
    for (let i = ngrams.starts[ORDERS * caption + order]!; i < ngrams.starts[ORDERS * caption + order + 1]!; i++)
      squares += (ngrams.counts[i]! * weightOf(ngrams.ids[i]!, weights, unseen)) ** 2
    norms.push(Math.sqrt(squares))
  }
  return norms
}

/** Mean over the orders of the cosine; `clipped`, the candidate has no more of an n-gram than the reference. */
function cosine(
  { ngrams, inCandidate }: References,
  caption: number,
  weights: Float64Array,
  candidateNorms: readonly number[],
  referenceNorms: readonly number[],
  unseen: number,
  clipped: boolean,
): number {
  let sum = 0
  for (let order = 0; order < ORDERS; order++) {
    let product = 0
    for (let i = ngrams.starts[ORDERS * caption + order]!; i < ngrams.starts[ORDERS * caption + order + 1]!; i++) {
      const id = ngrams.ids[i]!
      const guessed = inCandidate[id]!
      if (guessed === 0) continue
      const count = ngrams.counts[i]!
      product += (clipped ? Math.min(guessed, count) : guessed) * count * weightOf(id, weights, unseen) ** 2
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
