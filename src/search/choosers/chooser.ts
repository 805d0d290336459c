import type { Frontier } from '../frontier.ts'
import type { Ranking } from '../ranking.ts'
import type { StepOutput } from '../stepper.ts'
import type { Trace } from '../trace.ts'

/** The rows of one image and the words proposed for them. */
export interface Choice {
  readonly frontier: Frontier
  /** the image's rows are `first` to `last` (exclusive) of the frontier */
  readonly first: number
  readonly last: number
  readonly proposals: Omit<StepOutput<unknown>, 'state'>
  /** hypotheses of an image that keep growing */
  readonly beam: number
  /** the word that finishes a hypothesis */
  readonly end: number
}

/** Where chosen words go. */
export interface Chosen {
  readonly trace: Trace
  /** finished hypotheses of the image */
  readonly ranking: Ranking
  /** hypotheses of the next step */
  readonly next: Frontier
}

/** The role that picks among proposed words: which hypotheses of an image grow, and which are finished. */
export interface Chooser {
  /** Proposals that each row must have. */
  width(beam: number): number
  /** Adds the image's chosen hypotheses to `next` and its finished ones to `ranking`. */
  choose(choice: Choice, chosen: Chosen): void
}
