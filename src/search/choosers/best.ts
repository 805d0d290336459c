import type { Frontier } from '../frontier.ts'
import type { Ranking } from '../ranking.ts'
import type { StepOutput } from '../stepper.ts'
import type { Trace } from '../trace.ts'

/** What one image's rows, `first` to `last` (exclusive) of the frontier, may grow into. */
export interface Choice {
  readonly frontier: Frontier
  readonly first: number
  readonly last: number
  readonly proposals: Omit<StepOutput<unknown>, 'state'>
  readonly beam: number
  /** the word that finishes a hypothesis */
  readonly end: number
}

/**
 * Grows one image's hypotheses by a word: takes the candidates in descending order until `beam` unfinished ones are in
 * `next`; the finished ones met on the way go to `ranking`. Equal ones are taken in the order of their rows. What cannot
 * pass the ranking's bar is left out, which changes no result: whatever would take its place is no better.
 */
export function choose(choice: Choice, ranking: Ranking, trace: Trace, next: Frontier): void {
  const { frontier, first, last, proposals, beam, end } = choice
  const width = proposals.ids.length / frontier.rows
  const taken = new Int32Array(last - first)
  const grown = next.rows + beam
  while (next.rows < grown) {
    let row = -1
    let best = ranking.bar
    for (let r = first; r < last; r++) {
      const head = taken[r - first]!
      if (head === width) continue
      const total = frontier.logProbs[r]! + proposals.logProbs[r * width + head]!
      if (total > best) {
        best = total
        row = r
      }
    }
    if (row < 0) return
    const at = row * width + taken[row - first]!++
    const word = proposals.ids[at]!
    const node = trace.add(frontier.nodes[row]!, word, proposals.logProbs[at]!, row)
    if (word === end) ranking.add(node, best)
    else next.add(node, best, word, row, frontier.images[row]!)
  }
}
