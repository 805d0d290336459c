import { ROOT } from './trace.ts'

/** A hypothesis as it enters a frontier. */
export interface FrontierRow {
  /** its last word in the trace */
  readonly node: number
  readonly logProb: number
  /** its last word, fed next */
  readonly word: number
  /** the row of the step before that it continues */
  readonly parent: number
  readonly image: number
  /**
   * a number of the chooser's own: the group of a diverse beam search, the state of an automaton; 0 if it needs none
   */
  readonly tag: number
}

/**
 * The growing hypotheses as columns: each is a row of the next step; images ascend, the best of an image come first.
 */
export class Frontier {
  /** words that each hypothesis has */
  readonly length: number
  readonly nodes: number[] = []
  readonly logProbs: number[] = []
  readonly words: number[] = []
  readonly parents: number[] = []
  readonly images: number[] = []
  readonly tags: number[] = []

  constructor(length: number) {
    this.length = length
  }

  /** One empty hypothesis for each image, to be fed `word` first. */
  static start(images: number, word: number): Frontier {
    const frontier = new Frontier(0)
    for (let image = 0; image < images; image++)
      frontier.add({ node: ROOT, logProb: 0, word, parent: image, image, tag: 0 })
    return frontier
  }

  /** The number of hypotheses. */
  get rows(): number {
    return this.nodes.length
  }

  /** Adds a hypothesis. */
  add({ node, logProb, word, parent, image, tag }: FrontierRow): void {
    this.nodes.push(node)
    this.logProbs.push(logProb)
    this.words.push(word)
    this.parents.push(parent)
    this.images.push(image)
    this.tags.push(tag)
  }
}
