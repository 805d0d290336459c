import { Random } from '../../random.ts'
import type { Chooser } from './chooser.ts'

/** What words are drawn from. */
export interface Sampling {
  /** log-probabilities are divided by it: below 1 likely words become likelier, above 1 less so */
  readonly temperature: number
  /** words are drawn from this many most probable ones (Fan et al. 2018); 0 for all */
  readonly topK: number
  /** words are drawn from the fewest most probable ones that together have this probability (Holtzman et al. 2020) */
  readonly topP: number
  readonly seed: number
  /** by image, a number from 0 to 2^32 - 1: images with the same one are given the same random numbers */
  readonly streams: readonly number[]
}

/**
 * Draws captions: `beam` samples of each image, each grown word by word from the distribution with temperature,
 * then top-k, then top-p. Random numbers are a function of the seed, the image's stream, the sample and the place of
 * the word, so that a sample depends on no other image and no other sample. Log-probabilities are the model's, without
 * temperature. Throws RangeError for a temperature of 0 or less, a negative top-k, and a top-p outside (0, 1].
 */
export function sampleChooser({ temperature, topK, topP, seed, streams }: Sampling): Chooser {
  if (!(temperature > 0)) throw new RangeError(`Cannot sample with a temperature of ${temperature}: it must be above 0`)
  if (!Number.isInteger(topK) || topK < 0)
    throw new RangeError(`Cannot sample with a top-k of ${topK}: it must be a whole number of at least 0`)
  if (!(topP > 0 && topP <= 1))
    throw new RangeError(`Cannot sample with a top-p of ${topP}: it must be above 0 and at most 1`)
  return {
    width: () => (topK > 0 ? topK : Number.MAX_SAFE_INTEGER),
    choose({ frontier, first, last, proposals, beam, end }, { trace, rankings, next }) {
      const width = proposals.ids.length / frontier.rows
      const image = frontier.images[first]!
      const draw = (row: number, sample: number): void => {
        const logProbs = proposals.logProbs.subarray(row * width, (row + 1) * width)
        const random = new Random(seed, streams[image]!, sample, frontier.length)
        const at = row * width + drawn(sampled(logProbs, { temperature, topP }), random.uniform())
        const word = proposals.ids[at]!
        const logProb = frontier.logProbs[row]! + proposals.logProbs[at]!
        if (logProb === Number.NEGATIVE_INFINITY) return
        const node = trace.add(frontier.nodes[row]!, word, proposals.logProbs[at]!)
        if (word === end) rankings[0]!.add(node, logProb, frontier.length + 1)
        else next.add({ node, logProb, word, parent: row, image, tag: sample })
      }
      if (frontier.length === 0) for (let sample = 0; sample < beam; sample++) draw(first, sample)
      else for (let row = first; row < last; row++) draw(row, frontier.tags[row]!)
    },
  }
}

/**
 * The probabilities that words are drawn with, for log-probabilities in descending order: with temperature, then the
 * shortest head whose sum reaches `topP`, then normalised.
 */
export function sampled(
  logProbs: ArrayLike<number>,
  { temperature, topP }: Pick<Sampling, 'temperature' | 'topP'>,
): Float64Array {
  const weights = new Float64Array(logProbs.length) // plain loops: all words of every row pass here
  let total = 0
  for (let i = 0; i < weights.length; i++) total += weights[i] = Math.exp((logProbs[i]! - logProbs[0]!) / temperature)
  const enough = topP * total
  let head = 0
  let sum = 0
  while (head < weights.length && (sum < enough || head === 0)) sum += weights[head++]!
  for (let i = 0; i < head; i++) weights[i]! /= sum
  return weights.subarray(0, head)
}

/** The index that a uniform number from 0 to 1 falls on, in proportion to the probabilities. */
function drawn(probabilities: Float64Array, uniform: number): number {
  let sum = 0
  for (let index = 0; index < probabilities.length; index++) {
    sum += probabilities[index]!
    if (uniform < sum) return index
  }
  return probabilities.length - 1
}
