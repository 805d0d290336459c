import type { Tokens } from './metric.ts'
import { grown, NgramIds } from './ngram-ids.ts'

/** Longest n-grams counted: BLEU-4 and CIDEr both stop here. */
export const ORDERS = 4

/**
 * The n-grams of 1 to 4 words of many captions. Each caption has a run for each order: its different n-grams by number,
 * with how often each occurs. All runs stand one behind the other in two arrays; one object a caption would cost more
 * than the counting.
 */
export class Ngrams {
  readonly numbering: NgramIds
  ids = new Int32Array(4096)
  counts = new Int32Array(4096)
  /** Words in each caption. */
  readonly lengths: number[] = []
  /** Where the run of caption c and order n (0 for single words) begins: at 4c + n. It ends where the next begins. */
  readonly starts: number[] = [0]
  #end = 0

  /** Numbers n-grams as `base` does, and gives others to those it has not. */
  constructor(base?: Ngrams) {
    this.numbering = new NgramIds(base?.numbering)
  }

  /** Counts a caption's n-grams; returns the caption's index. */
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

  /** One more of the n-gram in the run that begins at `start` and is the last one. */
  #increment(id: number, start: number): void {
    // a run is short: looking through it costs less than a table of all n-grams
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
