/**
 * Numbers n-grams from 0 in the order they are met, so that counting them hashes no strings but single words.
 * The numbers of a `base` hold here too, while the base stays as it is: candidates are numbered so, and what was prepared
 * from the references does not grow with them.
 */
export class NgramIds {
  readonly #base: NgramIds | undefined
  readonly #first: number
  readonly #words = new Map<string, number>()
  // An n-gram is its beginning (the n-gram one word shorter) and its last word, both by number:
  #beginnings = new Int32Array(256)
  #lasts = new Int32Array(256)
  #length = 0
  /** Open addressing, at most half full: a number less #first plus 1, or 0 where free. */
  #slots = new Int32Array(512)

  constructor(base?: NgramIds) {
    this.#base = base
    this.#first = base?.size ?? 0
  }

  /** One more than the largest number given. */
  get size(): number {
    return this.#first + this.#length
  }

  /** The number of a word, a new one if it was never met. */
  word(word: string): number {
    const known = this.#findWord(word)
    if (known !== undefined) return known
    const id = this.#append(-1, -1)
    this.#words.set(word, id)
    return id
  }

  /** The number of an n-gram of two words or more, by the numbers of its beginning and its last word. */
  ngram(beginning: number, last: number): number {
    const inBase = this.#base === undefined ? -1 : this.#base.#find(beginning, last)
    if (inBase >= 0) return inBase
    const slot = this.#slot(beginning, last)
    const entry = this.#slots[slot]!
    if (entry !== 0) return this.#first + entry - 1
    const id = this.#append(beginning, last)
    this.#slots[slot] = this.#length
    if (2 * this.#length > this.#slots.length) this.#rehash()
    return id
  }

  #findWord(word: string): number | undefined {
    const inBase = this.#base === undefined ? undefined : this.#base.#findWord(word)
    return inBase ?? this.#words.get(word)
  }

  #find(beginning: number, last: number): number {
    const inBase = this.#base === undefined ? -1 : this.#base.#find(beginning, last)
    if (inBase >= 0) return inBase
    const entry = this.#slots[this.#slot(beginning, last)]!
    return entry === 0 ? -1 : this.#first + entry - 1
  }

  /** Where the n-gram stands, or the free slot where it should. */
  #slot(beginning: number, last: number): number {
    const slots = this.#slots
    const mask = slots.length - 1
    let hash = Math.imul(beginning, 0x9e3779b1) ^ Math.imul(last, 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
    for (let slot = (hash ^ (hash >>> 13)) & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot]!
      if (entry === 0 || (this.#beginnings[entry - 1] === beginning && this.#lasts[entry - 1] === last)) return slot
    }
  }

  #append(beginning: number, last: number): number {
    if (this.#length === this.#lasts.length) {
      this.#beginnings = grown(this.#beginnings)
      this.#lasts = grown(this.#lasts)
    }
    this.#beginnings[this.#length] = beginning
    this.#lasts[this.#length] = last
    this.#length++
    return this.size - 1
  }

  #rehash(): void {
    this.#slots = new Int32Array(2 * this.#slots.length)
    for (let i = 0; i < this.#length; i++) {
      const beginning = this.#beginnings[i]!
      if (beginning >= 0) this.#slots[this.#slot(beginning, this.#lasts[i]!)] = i + 1
    }
  }
}

/** The same numbers with room for as many again. */
export function grown(numbers: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * numbers.length)
  larger.set(numbers)
  return larger
}
