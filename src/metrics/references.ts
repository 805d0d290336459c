import { checkCandidates, checkReferences, type Tokens } from './metric.ts'
import { Ngrams, ORDERS } from './ngrams.ts'

/** The references of every image with their n-grams counted, and the place where candidates are held against them. */
export class References {
  readonly ngrams: Ngrams
  /** By image: the indices of its captions in `ngrams`. */
  readonly captions: readonly (readonly number[])[]
  /** By n-gram: how often the candidate in hand has it. All 0 between candidates. */
  readonly inCandidate: Int32Array

  /** The same references are counted once, whichever metrics ask. Throws RangeError for an image without one. */
  static of(references: readonly (readonly Tokens[])[]): References {
    const counted = References.#counted.get(references) ?? new References(references)
    References.#counted.set(references, counted)
    return counted
  }

  static readonly #counted = new WeakMap<readonly (readonly Tokens[])[], References>()

  /** Numbers n-grams as `base` does. Throws RangeError for an image without a reference. */
  constructor(references: readonly (readonly Tokens[])[], base?: Ngrams) {
    checkReferences(references)
    this.ngrams = new Ngrams(base)
    this.captions = references.map((captions) => captions.map((tokens) => this.ngrams.add(tokens)))
    this.inCandidate = new Int32Array(this.ngrams.numbering.size)
  }

  /**
   * Counts one candidate for each image, and calls `judge` for each while `inCandidate` has its counts.
   * Throws RangeError if there are more or fewer candidates than images.
   */
  judge<T>(candidates: readonly Tokens[], judge: (candidates: Ngrams, image: number) => T): T[] {
    checkCandidates(candidates, this.captions.length)
    const ngrams = new Ngrams(this.ngrams)
    return candidates.map((tokens, image) => {
      ngrams.add(tokens)
      const [start, end] = [ngrams.starts[ORDERS * image]!, ngrams.starts[ORDERS * (image + 1)]!]
      // An n-gram that no reference has falls beyond the array's end and is not written.
      for (let i = start; i < end; i++) this.inCandidate[ngrams.ids[i]!] = ngrams.counts[i]!
      const verdict = judge(ngrams, image)
      for (let i = start; i < end; i++) this.inCandidate[ngrams.ids[i]!] = 0
      return verdict
    })
  }
}
