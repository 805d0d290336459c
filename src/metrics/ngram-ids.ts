/**
 * Assigns ids to n-grams, from 0 in the order of their first occurrence, so that counting n-grams hashes integers
 * instead of joined strings. Ids of a `base` are valid here too, and new ids follow them; the base stays unchanged.
 * Candidates use the references as their base, so that the prepared references do not grow.
 */
export class NgramIds {
  readonly #base: NgramIds | undefined
  readonly #first: number
  readonly #words = new Map<string, number>()
  // An n-gram is a pair of ids: its prefix (the n-gram without the last word) and its last word.
  #prefixes = new Int32Array(256)
  #lasts = new Int32Array(256)
  #length = 0
  /** Hash table with open addressing, at most half full: `id - #first + 1`, or 0 for a free slot. */
  #slots = new Int32Array(512)

  /** Continues the ids of `base`, if given. */
  constructor(base?: NgramIds) {
    this.#base = base
    this.#first = base?.size ?? 0
  }

  /** One more than the largest id. */
  get size(): number {
    return this.#first + this.#length
  }

  /** The id of a word, new at its first occurrence. */
  word(word: string): number {
    const known = this.#findWord(word)
    if (known !== undefined) return known
    const id = this.#append(-1, -1)
    this.#words.set(word, id)
    return id
  }

  /** The id of an n-gram of two or more words, given the ids of its prefix and its last word. */
  ngram(prefix: number, last: number): number {
    const inBase = this.#base === undefined ? -1 : this.#base.#find(prefix, last)
    if (inBase >= 0) return inBase
    const slot = this.#slot(prefix, last)
    const entry = this.#slots[slot]!
    if (entry !== 0) return this.#first + entry - 1
    const id = this.#append(prefix, last)
    this.#slots[slot] = this.#length
    if (2 * this.#length > this.#slots.length) this.#rehash()
    return id
  }

  #findWord(word: string): number | undefined {
    const inBase = this.#base === undefined ? undefined : this.#base.#findWord(word)
    return inBase ?? this.#words.get(word)
  }

  #find(prefix: number, last: number): number {
    const inBase = this.#base === undefined ? -1 : this.#base.#find(prefix, last)
    if (inBase >= 0) return inBase
    const entry = this.#slots[this.#slot(prefix, last)]!
    return entry === 0 ? -1 : this.#first + entry - 1
  }

  /** The slot of the n-gram, or the free slot for it. */
  #slot(prefix: number, last: number): number {
    const slots = this.#slots
    const mask = slots.length - 1
    let hash = Math.imul(prefix, 0x9e3779b1) ^ Math.imul(last, 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
    for (let slot = (hash ^ (hash >>> 13)) & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot]!
      if (entry === 0 || (this.#prefixes[entry - 1] === prefix && this.#lasts[entry - 1] === last)) return slot
    }
  }

  #append(prefix: number, last: number): number {
    if (this.#length === this.#lasts.length) {
      this.#prefixes = grown(this.#prefixes)
      this.#lasts = grown(this.#lasts)
    }
    this.#prefixes[this.#length] = prefix
    this.#lasts[this.#length] = last
    this.#length++
    return this.size - 1
  }

  #rehash(): void {
    this.#slots = new Int32Array(2 * this.#slots.length)
    for (let i = 0; i < this.#length; i++) {
      const prefix = this.#prefixes[i]!
      if (prefix >= 0) this.#slots[this.#slot(prefix, this.#lasts[i]!)] = i + 1
    }
  }
}

/** A copy of twice the length, padded with 0. */
export function grown(numbers: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * numbers.length)
  larger.set(numbers)
  return larger
}
