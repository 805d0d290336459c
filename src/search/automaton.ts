/** The most states of an automaton: each may have a beam of its own. */
export const MOST_STATES = 256

/**
 * A finite automaton that reads a caption word by word and knows which requirements it has met (Anderson et al. 2017,
 * "Guided Open Vocabulary Image Captioning with Constrained Beam Search"). State 0 is the start.
 */
export interface Automaton {
  readonly states: number
  /** the words that lead to other states than any other word does, ascending */
  readonly words: readonly number[]
  /** the number of requirements */
  readonly requirements: number
  /** The state after a word. */
  next(state: number, word: number): number
  /** The number of requirements met in a state; none is lost again. */
  met(state: number): number
}

/** Sequences of word ids of which one must appear in a caption. */
export type Requirement = readonly (readonly number[])[]

/**
 * The automaton of captions in which one sequence of each requirement appears, with the fewest states that are reached.
 * A word may serve several requirements. Throws RangeError for a requirement or a sequence without words, and for
 * requirements that need more than MOST_STATES states.
 */
export function requirementAutomaton(requirements: readonly Requirement[]): Automaton {
  if (requirements.some((sequences) => sequences.length === 0 || sequences.some(({ length }) => length === 0)))
    throw new RangeError('Cannot require nothing: each requirement needs a word')
  const words = [...new Set(requirements.flat(2))].sort((a, b) => a - b)
  const index = new Map(words.map((word, i) => [word, i]))
  const matchers = requirements.map(matcher)
  /** states as the longest beginnings of sequences that the caption ends with; MET for requirements that are met */
  const states: string[][] = [requirements.map(() => '')]
  const known = new Map([[states[0]!.join('|'), 0]])
  /** by state, the next states by `words`, and last that of all other words */
  const table: number[][] = []
  for (let state = 0; state < states.length; state++) {
    const row = [...words, OTHER].map((word) => {
      const next = states[state]!.map((part, i) => matchers[i]!(part, word))
      const number = known.get(next.join('|')) ?? states.push(next) - 1
      known.set(next.join('|'), number)
      return number
    })
    table.push(row)
    if (states.length > MOST_STATES)
      throw new RangeError(
        `Cannot require so much: ${requirements.length} requirements need more than ${MOST_STATES} states`,
      )
  }
  const met = states.map((parts) => parts.filter((part) => part === MET).length)
  return {
    states: states.length,
    words,
    requirements: requirements.length,
    next: (state, word) => table[state]![index.get(word) ?? words.length]!,
    met: (state) => met[state]!,
  }
}

/** A word of no sequence. */
const OTHER = -1
/** The state of a requirement that is met. */
const MET = 'met'

/**
 * Reads words for one requirement (Aho and Corasick 1975): from the longest beginning of a sequence that the words so
 * far end with, as text, and a word, to the next.
 */
function matcher(sequences: Requirement): (state: string, word: number) => string {
  const beginnings = new Set(sequences.flatMap((words) => words.map((_, i) => words.slice(0, i + 1).join(' '))))
  const complete = new Set(sequences.map((words) => words.join(' ')))
  return (state, word) => {
    if (state === MET) return MET
    const read = [...(state === '' ? [] : state.split(' ')), `${word}`]
    const endings = read.map((_, i) => read.slice(i).join(' '))
    if (endings.some((ending) => complete.has(ending))) return MET
    return endings.find((ending) => beginnings.has(ending)) ?? ''
  }
}
