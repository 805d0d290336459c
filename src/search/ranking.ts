/** The best `size` hypotheses of one image so far, best first; of equal ones the earlier is the better. */
export class Ranking {
  readonly nodes: number[] = []
  readonly logProbs: number[] = []
  readonly size: number

  constructor(size: number) {
    this.size = size
  }

  /** What a hypothesis must exceed to be ranked. Growing only lowers a log-probability: one that fails now has failed. */
  get bar(): number {
    return this.nodes.length < this.size ? -Infinity : this.logProbs[this.size - 1]!
  }

  /** Ranks a hypothesis, which may push out the last. */
  add(node: number, logProb: number): void {
    let place = this.nodes.length
    while (place > 0 && this.logProbs[place - 1]! < logProb) place--
    this.nodes.splice(place, 0, node)
    this.logProbs.splice(place, 0, logProb)
    this.nodes.length = this.logProbs.length = Math.min(this.nodes.length, this.size)
  }
}
