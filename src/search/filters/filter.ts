import type { Frontier } from '../frontier.ts'
import type { Trace } from '../trace.ts'
import type { PenaltyList } from './penalty-list.ts'

/** The hypotheses that are about to get a word. */
export interface FilterInput {
  readonly frontier: Frontier
  readonly trace: Trace
}

/** The role that changes the log-probabilities of next words before the best are taken, inside the graph. */
export interface Filter {
  /** Adds penalties for words of rows of the frontier. */
  apply(input: FilterInput, penalties: PenaltyList): void
}
