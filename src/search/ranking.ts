import type { Ranker } from './rankers/ranker.ts'

/** A finished hypothesis in a ranking. */
export interface Ranked {
  readonly node: number
  readonly score: number
}

/** The best `size` finished hypotheses of a group of an image, best first; of equal ones the earlier is first. */
export class Ranking {
  readonly all: Ranked[] = []
  readonly #size: number
  readonly #ranker: Ranker
  readonly #maxLength: number

  /** Hypotheses have at most `maxLength` words. */
  constructor(size: number, ranker: Ranker, maxLength: number) {
    this.#size = size
    this.#ranker = ranker
    this.#maxLength = maxLength
  }

  /** Whether a hypothesis of `length` words may still be ranked, now or once it is finished. */
  mayEnter(logProb: number, length: number): boolean {
    return this.#ranker.bound(logProb, length, this.#maxLength) > this.#bar
  }

  /** Ranks a finished hypothesis, which may push out the last. */
  add(node: number, logProb: number, length: number): void {
    const score = this.#ranker.score(logProb, length)
    if (!(score > this.#bar)) return
    let place = this.all.length
    while (place > 0 && this.all[place - 1]!.score < score) place--
    this.all.splice(place, 0, { node, score })
    if (this.all.length > this.#size) this.all.length = this.#size
  }

  /** The score that a hypothesis must exceed to be ranked. */
  get #bar(): number {
    return this.all.length < this.#size ? Number.NEGATIVE_INFINITY : this.all[this.#size - 1]!.score
  }
}
