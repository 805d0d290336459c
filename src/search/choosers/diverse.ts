import type { Hypothesis } from '../trace.ts'
import type { Chooser } from './chooser.ts'

/**
 * Diverse beam search (Vijayakumar et al. 2018, "Diverse Beam Search for Improved Description of Complex Scenes"): the
 * beam is divided among `groups`. In each step the groups choose one after the other, each as beam search does with its
 * part of the beam; from the log-probability of a word, `strength` is taken for every hypothesis of earlier groups that
 * took this word in this step (Hamming diversity). As in the authors' code, what was taken stays in the score of a
 * hypothesis, and not in its log-probability. The captions of an image are the best of each group, then the second best
 * of each, and so on. The beam must be a multiple of `groups`. Throws RangeError for fewer than 1 group and for a
 * negative strength.
 */
export function diverseChooser(groups: number, strength: number): Chooser {
  if (!Number.isInteger(groups) || groups < 1)
    throw new RangeError(`Cannot search with ${groups} groups: it must be a whole number of at least 1`)
  if (!(strength >= 0)) throw new RangeError(`Cannot search with a diversity of ${strength}: it must be at least 0`)
  return {
    // of beam words that go on, the earlier groups took all but this group's share; one more may be <end>
    width: (beam) => beam + 1,
    groups: {
      count: () => groups,
      of: (_, group) => group,
      size: (keep) => Math.ceil(keep / groups),
      merge: (found, keep) => inTurns(found).slice(0, keep),
    },
    choose({ frontier, first, last, proposals, beam, end }, { trace, rankings, next }) {
      if (beam % groups !== 0)
        throw new RangeError(`Cannot search with ${groups} groups and a beam of ${beam}: it must be a multiple`)
      const width = proposals.ids.length / frontier.rows
      const length = frontier.length + 1
      /** by word, how many hypotheses of earlier groups took it in this step */
      const taken = new Map<number, number>()
      for (let group = 0; group < groups; group++) {
        const candidates: { readonly row: number; readonly at: number; readonly score: number }[] = []
        for (let row = first; row < last; row++) {
          if (frontier.length > 0 && frontier.tags[row] !== group) continue
          for (let at = row * width; at < (row + 1) * width; at++) {
            const penalty = strength * (taken.get(proposals.ids[at]!) ?? 0)
            const score = frontier.logProbs[row]! + proposals.logProbs[at]! - penalty
            if (score > Number.NEGATIVE_INFINITY) candidates.push({ row, at, score })
          }
        }
        candidates.sort((a, b) => b.score - a.score)
        const ranking = rankings[group]!
        const grown = next.rows + beam / groups
        const words: number[] = []
        for (const { row, at, score } of candidates) {
          if (next.rows === grown || !ranking.mayEnter(score, length)) break
          const word = proposals.ids[at]!
          const node = trace.add(frontier.nodes[row]!, word, proposals.logProbs[at]!)
          if (word === end) ranking.add(node, score, length)
          else next.add({ node, logProb: score, word, parent: row, image: frontier.images[row]!, tag: group })
          words.push(word)
        }
        for (const word of words) taken.set(word, (taken.get(word) ?? 0) + 1)
      }
    },
  }
}

/** The first of each list, then the second of each. */
function inTurns(lists: readonly (readonly Hypothesis[])[]): Hypothesis[] {
  const most = Math.max(...lists.map(({ length }) => length))
  return Array.from({ length: most }, (_, place) => lists.flatMap((list) => list[place] ?? [])).flat()
}
