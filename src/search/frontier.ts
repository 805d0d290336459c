import { ROOT } from './trace.ts'

/** The hypotheses still growing, as columns: one row of the next step each, images ascending, best first in an image. */
export class Frontier {
  /** where the hypothesis ends in the trace */
  readonly nodes: number[] = []
  readonly logProbs: number[] = []
  readonly words: number[] = []
  /** the row of the step before that the hypothesis continues */
  readonly parents: number[] = []
  readonly images: number[] = []

  /** One empty hypothesis for each image, to be fed `word` first. */
  static start(images: number, word: number): Frontier {
    const frontier = new Frontier()
    for (let image = 0; image < images; image++) frontier.add(ROOT, 0, word, image, image)
    return frontier
  }

  get rows(): number {
    return this.nodes.length
  }

  add(node: number, logProb: number, word: number, parent: number, image: number): void {
    this.nodes.push(node)
    this.logProbs.push(logProb)
    this.words.push(word)
    this.parents.push(parent)
    this.images.push(image)
  }
}
