import { checkCandidates, checkReferences, type Tokens } from './metric.ts'
import { Ngrams, ORDERS } from './ngrams.ts'

/** The references of all images with counted n-grams, prepared for scoring candidates. */
export class References {
  /** N-gram counts of all references. */
  readonly ngrams: Ngrams
  /** By image: the indices of its references in `ngrams`. */
  readonly captions: readonly (readonly number[])[]
  /** By n-gram: its count in the current candidate of mapCandidates(), all 0 outside of it. */
  readonly candidateCounts: Int32Array
  readonly #candidates = new WeakMap<readonly Tokens[], Ngrams>()

  /**
   * Returns the prepared references, cached by array identity, so that several metrics count them once. Throws
   * RangeError for an image without references.
   */
  static of(references: readonly (readonly Tokens[])[]): References {
    const counted = References.#counted.get(references) ?? new References(references)
    References.#counted.set(references, counted)
    return counted
  }

  static readonly #counted = new WeakMap<readonly (readonly Tokens[])[], References>()

  /** Uses the n-gram ids of `base`, if given. Throws RangeError for an image without references. */
  constructor(references: readonly (readonly Tokens[])[], base?: Ngrams) {
    checkReferences(references)
    this.ngrams = new Ngrams(base)
    this.captions = references.map((captions) => captions.map((tokens) => this.ngrams.add(tokens)))
    this.candidateCounts = new Int32Array(this.ngrams.numbering.size)
  }

  /** The n-grams of candidates, cached by array identity, so that several metrics count them once. */
  #countCandidates(candidates: readonly Tokens[]): Ngrams {
    const known = this.#candidates.get(candidates)
    if (known) return known
    const ngrams = new Ngrams(this.ngrams)
    for (const tokens of candidates) ngrams.add(tokens)
    this.#candidates.set(candidates, ngrams)
    return ngrams
  }

  /**
   * Counts the n-grams of one candidate per image and returns the results of `map`, called for each image while
   * `candidateCounts` has the counts of its candidate. Throws RangeError unless there is one candidate per image.
   */
  mapCandidates<T>(candidates: readonly Tokens[], map: (candidates: Ngrams, image: number) => T): T[] {
    checkCandidates(candidates, this.captions.length)
    const ngrams = this.#countCandidates(candidates)
    return candidates.map((_, image) => {
      const [start, end] = [ngrams.starts[ORDERS * image]!, ngrams.starts[ORDERS * (image + 1)]!]
      // Ids of n-grams that no reference has are beyond the end of the typed array, which ignores such writes.
      for (let i = start; i < end; i++) this.candidateCounts[ngrams.ids[i]!] = ngrams.counts[i]!
      const result = map(ngrams, image)
      for (let i = start; i < end; i++) this.candidateCounts[ngrams.ids[i]!] = 0
      return result
    })
  }
}
