import type { Tokens } from './metric.ts'
import { grown, NgramIds } from './ngram-ids.ts'

/** The largest n-gram order, used by BLEU-4 and CIDEr. */
export const ORDERS = 4

/**
 * Counts of the n-grams of 1 to 4 words of many captions. Each caption has one run per order: the ids of its distinct
 * n-grams with their counts. All runs are concatenated in two arrays, because one object per caption would take longer
 * than the counting.
 */
export class Ngrams {
  /** The ids of n-grams. */
  readonly numbering: NgramIds
  /** By position in the runs: the id of an n-gram. Only the first `starts.at(-1)` entries are used. */
  ids = new Int32Array(4096)
  /** By position in the runs: the count of that n-gram in its caption. */
  counts = new Int32Array(4096)
  /** By caption: its number of words. */
  readonly lengths: number[] = []
  /** At index 4c + n - 1: the start of caption c's run of order n, which ends at the next start. */
  readonly starts: number[] = [0]
  #end = 0

  /** Uses the n-gram ids of `base`, if given, and adds new ids after them. */
  constructor(base?: Ngrams) {
    this.numbering = new NgramIds(base?.numbering)
  }

  /** Counts the n-grams of a caption and returns its index. */
  add(tokens: Tokens): number {
    const words = tokens.map((token) => this.numbering.word(token))
    const current = words.slice()
    for (let order = 0; order < ORDERS; order++) {
      const start = this.#end
      for (let i = 0; i + order < words.length; i++) {
        if (order > 0) current[i] = this.numbering.ngram(current[i]!, words[i + order]!)
        this.#increment(current[i]!, start)
      }
      this.starts.push(this.#end)
    }
    return this.lengths.push(tokens.length) - 1
  }

  /** Adds 1 to the count of an n-gram in the last run, which begins at `start`. */
  #increment(id: number, start: number): void {
    // A run is short: a linear search is faster than a table of all n-grams.
    const { ids } = this
    const end = this.#end
    for (let place = start; place < end; place++)
      if (ids[place] === id) {
        this.counts[place]! += 1
        return
      }
    if (this.#end === this.ids.length) {
      this.ids = grown(this.ids)
      this.counts = grown(this.counts)
    }
    this.ids[this.#end] = id
    this.counts[this.#end] = 1
    this.#end++
  }
}
