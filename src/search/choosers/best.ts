import type { Chooser } from './chooser.ts'

/**
 * Beam search's choice: takes an image's candidates in descending order until `beam` unfinished ones are in the next
 * frontier; the finished ones among them are ranked. Ties go to the earlier row. A candidate that cannot enter the
 * ranking any more is left out with all after it, which changes no result: they are no better.
 */
export const bestChooser: Chooser = {
  // a row has one <end>, so beam + 1 proposals hold beam words to go on with
  width: (beam) => beam + 1,
  choose({ frontier, first, last, proposals, beam, end }, { trace, rankings, next }) {
    const ranking = rankings[0]!
    const width = proposals.ids.length / frontier.rows
    const taken = new Int32Array(last - first)
    const grown = next.rows + beam
    while (next.rows < grown) {
      let row = -1
      let best = Number.NEGATIVE_INFINITY
      for (let r = first; r < last; r++) {
        const head = taken[r - first]!
        if (head === width) continue
        const total = frontier.logProbs[r]! + proposals.logProbs[r * width + head]!
        if (total > best) {
          best = total
          row = r
        }
      }
      if (row < 0 || !ranking.mayEnter(best, frontier.length + 1)) return
      const at = row * width + taken[row - first]!++
      const word = proposals.ids[at]!
      const node = trace.add(frontier.nodes[row]!, word, proposals.logProbs[at]!)
      if (word === end) ranking.add(node, best, frontier.length + 1)
      else next.add({ node, logProb: best, word, parent: row, image: frontier.images[row]!, tag: frontier.tags[row]! })
    }
  },
}
