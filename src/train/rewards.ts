import { bleu } from '../metrics/bleu.ts'
import { ciderOf } from '../metrics/cider.ts'
import { documentFrequencies } from '../metrics/document-frequencies.ts'
import type { Metric, MetricName, Tokens } from '../metrics/metric.ts'

/** What a caption is compared with: the mean of the other samples of its image, or the greedy caption. */
export type Baseline = 'samples' | 'greedy'

/** The end of a caption as a word: rewards count it, so that a caption that is cut loses the n-grams that it ends. */
const END_WORD = '<end>'

/** The words of a caption that ended, as rewards count them. */
export const ended = (words: Tokens): string[] => [...words, END_WORD]

/**
 * The reward of captions: (1 - b) CIDEr-D + b BLEU-4. The document frequencies are those of the training captions.
 * Words include END_WORD, as in the published code of self-critical training.
 */
export class CaptionReward {
  readonly #cider: Metric
  readonly #bleuShare: number

  /** `corpus` has the references of every training image, without END_WORD; `bleuShare` is b, 0 to 1. */
  constructor(corpus: readonly (readonly Tokens[])[], bleuShare: number) {
    const frequencies = documentFrequencies(corpus.map((references) => references.map(ended)))
    this.#cider = ciderOf({ documentFrequencies: frequencies })
    this.#bleuShare = bleuShare
  }

  /**
   * The reward of each caption, in order: S captions of each image, image by image. `captions` end with END_WORD if
   * they ended; `references` are those of each image, without it.
   */
  of(captions: readonly Tokens[], references: readonly (readonly Tokens[])[]): Float64Array {
    const each = captions.length / references.length
    const expected = references.map((image) => image.map(ended))
    const pairs = captions.map((_, i) => expected[Math.floor(i / each)]!)
    const scores = (metric: Metric, name: MetricName): readonly number[] =>
      metric.prepare(pairs).score(captions).get(name)!.each
    const cider = scores(this.#cider, 'CIDEr')
    if (this.#bleuShare === 0) return Float64Array.from(cider)
    const bleu4 = scores(bleu, 'Bleu_4')
    return Float64Array.from(cider, (score, i) => (1 - this.#bleuShare) * score + this.#bleuShare * bleu4[i]!)
  }
}

/**
 * The advantage of each sample over the mean of the others of its image, for S samples of each image, image by image
 * (Luo 2020, "A Better Variant of Self-Critical Sequence Training", arXiv:2003.09971).
 */
export function overOtherSamples(rewards: Float64Array, samples: number): Float32Array {
  return Float32Array.from(rewards, (reward, i) => {
    const first = i - (i % samples)
    const total = rewards.subarray(first, first + samples).reduce((sum, value) => sum + value, 0)
    return reward - (total - reward) / (samples - 1)
  })
}

/** The advantage of each sample over the greedy caption of its image (Rennie et al. 2017, equation 9). */
export const overGreedy = (rewards: Float64Array, greedy: Float64Array): Float32Array =>
  Float32Array.from(rewards, (reward, i) => reward - greedy[Math.floor(i / (rewards.length / greedy.length))]!)
