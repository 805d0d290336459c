/** A caption as the search found it. */
export interface Hypothesis {
  /** word ids after `<start>`, with the closing `<end>` if the hypothesis is finished */
  readonly words: readonly number[]
  /** whether the last word is `<end>`; otherwise it was cut at the longest length */
  readonly finished: boolean
  /** sum of wordLogProbs */
  readonly logProb: number
  /** natural logarithm of the probability of each word */
  readonly wordLogProbs: readonly number[]
  /** words[t] was proposed by row rows[t] of the search's t-th step: where to look for its attention */
  readonly rows: readonly number[]
}

/** Stands for the empty hypothesis, before the first word. */
export const ROOT = -1

/** Every word that a search has chosen: a tree kept as columns, in which a hypothesis is the path from a node up. */
export class Trace {
  readonly #parents: number[] = []
  readonly #words: number[] = []
  readonly #logProbs: number[] = []
  readonly #rows: number[] = []

  /** Appends a word to the hypothesis that ends at `parent`; `row` proposed it. Returns the new hypothesis' node. */
  add(parent: number, word: number, logProb: number, row: number): number {
    this.#parents.push(parent)
    this.#words.push(word)
    this.#logProbs.push(logProb)
    return this.#rows.push(row) - 1
  }

  /** The hypothesis that ends at `node`, whose log-probability is `logProb`. */
  read(node: number, logProb: number, finished: boolean): Hypothesis {
    const path: number[] = []
    for (let at = node; at !== ROOT; at = this.#parents[at]!) path.push(at)
    path.reverse()
    const along = (column: readonly number[]): number[] => path.map((at) => column[at]!)
    return {
      words: along(this.#words),
      finished,
      logProb,
      wordLogProbs: along(this.#logProbs),
      rows: along(this.#rows),
    }
  }
}
