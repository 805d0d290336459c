/** A caption as a search found it. */
export interface Hypothesis {
  /** word ids after `<start>`, with the closing `<end>` if the hypothesis is finished */
  readonly words: readonly number[]
  /** whether the last word is `<end>`; otherwise the hypothesis was cut at the longest length */
  readonly finished: boolean
  /** the sum of wordLogProbs */
  readonly logProb: number
  /** the natural logarithm of each word's probability */
  readonly wordLogProbs: readonly number[]
}

/** The empty hypothesis, before the first word. */
export const ROOT = -1

/**
 * Every word that a search has chosen: a tree stored as columns, in which a hypothesis is the path from the root to a
 * node.
 */
export class Trace {
  readonly #parents: number[] = []
  readonly #words: number[] = []
  readonly #logProbs: number[] = []

  /** Appends a word to the hypothesis that ends at node `parent`. Returns the new hypothesis' node. */
  add(parent: number, word: number, logProb: number): number {
    this.#parents.push(parent)
    this.#words.push(word)
    return this.#logProbs.push(logProb) - 1
  }

  /** The words of the hypothesis that ends at `node`. */
  words(node: number): number[] {
    return this.#path(node).map((at) => this.#words[at]!)
  }

  /** The hypothesis that ends at `node`. */
  read(node: number, finished: boolean): Hypothesis {
    const path = this.#path(node)
    const wordLogProbs = path.map((at) => this.#logProbs[at]!)
    const logProb = wordLogProbs.reduce((sum, each) => sum + each, 0)
    return { words: path.map((at) => this.#words[at]!), finished, logProb, wordLogProbs }
  }

  #path(node: number): number[] {
    const path: number[] = []
    for (let at = node; at !== ROOT; at = this.#parents[at]!) path.push(at)
    return path.reverse()
  }
}
