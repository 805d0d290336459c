import { END } from '../../text/vocabulary.ts'
import type { Automaton } from '../automaton.ts'
import type { Frontier } from '../frontier.ts'
import type { WantedWords } from '../stepper.ts'
import type { Choice, Chooser } from './chooser.ts'

/** A word that a row may take. */
interface Candidate {
  readonly row: number
  readonly word: number
  readonly logProb: number
  /** the log-probability of the hypothesis with it */
  readonly total: number
}

/**
 * Constrained beam search (Anderson et al. 2017): each state of an image's automaton has a beam of its own, so that a
 * hypothesis in which a required word appeared competes only with others that have met the same. Captions that meet
 * more requirements come first, those that meet all if there are any. `automata` are by image.
 */
export function constrainedChooser(automata: readonly Automaton[]): Chooser {
  const most = Math.max(0, ...automata.map(({ words }) => words.length))
  return {
    // beam words that lead to the same state as most words do, <end>, and the words that lead elsewhere
    width: (beam) => beam + 1 + most,
    wanted: (frontier) => wantedWords(frontier, automata, most),
    groups: {
      count: (image) => automata[image]!.requirements + 1,
      of: (image, state) => automata[image]!.met(state),
      size: (keep) => keep,
      merge: (found, keep) => found.toReversed().flat().slice(0, keep),
    },
    choose(choice, { trace, rankings, next }) {
      const { frontier, first, beam, end } = choice
      const image = frontier.images[first]!
      const automaton = automata[image]!
      const length = frontier.length + 1
      /** candidates by the state that they lead to */
      const byState = new Map<number, Candidate[]>()
      for (const candidate of candidatesOf(choice, automaton.words)) {
        const state = automaton.next(frontier.tags[candidate.row]!, candidate.word)
        byState.set(state, [...(byState.get(state) ?? []), candidate])
      }
      const complete = rankings.at(-1)!
      for (const [state, candidates] of [...byState].sort(([a], [b]) => a - b)) {
        const grown = next.rows + beam
        for (const { row, word, logProb, total } of candidates.sort((a, b) => b.total - a.total)) {
          // what cannot be among the captions that meet all requirements is of no use once there are enough of those
          if (next.rows === grown || !complete.mayEnter(total, length)) break
          const node = trace.add(frontier.nodes[row]!, word, logProb)
          if (word === end) rankings[automaton.met(state)]!.add(node, total, length)
          else next.add({ node, logProb: total, word, parent: row, image, tag: state })
        }
      }
    },
  }
}

/** The words of each row's automaton; rows have `most` places, and those left over ask for `<end>`. */
function wantedWords(frontier: Frontier, automata: readonly Automaton[], most: number): WantedWords {
  const rows = new Int32Array(frontier.rows * most)
  const words = new Int32Array(frontier.rows * most).fill(END)
  for (const [row, image] of frontier.images.entries()) {
    rows.fill(row, row * most, (row + 1) * most)
    words.set(automata[image]!.words, row * most)
  }
  return { rows, words }
}

/** The possible next words of the image's rows: the proposed ones, and the automaton's `words`. */
function candidatesOf({ frontier, first, last, proposals }: Choice, words: readonly number[]): Candidate[] {
  const width = proposals.ids.length / frontier.rows
  const most = proposals.wanted!.length / frontier.rows
  const candidates: Candidate[] = []
  for (let row = first; row < last; row++) {
    const add = (word: number, logProb: number): void => {
      const total = frontier.logProbs[row]! + logProb
      if (total > Number.NEGATIVE_INFINITY) candidates.push({ row, word, logProb, total })
    }
    const proposed = proposals.ids.subarray(row * width, (row + 1) * width)
    for (const [i, word] of proposed.entries()) add(word, proposals.logProbs[row * width + i]!)
    for (const [i, word] of words.entries()) if (!proposed.includes(word)) add(word, proposals.wanted![row * most + i]!)
  }
  return candidates
}
