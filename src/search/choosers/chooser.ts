import type { Frontier } from '../frontier.ts'
import type { Ranking } from '../ranking.ts'
import type { StepOutput, WantedWords } from '../stepper.ts'
import type { Hypothesis, Trace } from '../trace.ts'

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
  /** finished hypotheses of the image, by group */
  readonly rankings: readonly Ranking[]
  /** hypotheses of the next step */
  readonly next: Frontier
}

/** The groups of an image's hypotheses: those of different groups do not compete with each other. */
export interface Groups {
  /** The number of groups that an image has. */
  count(image: number): number
  /** The group of a growing hypothesis with this tag. */
  of(image: number, tag: number): number
  /** The number of hypotheses to find in each group so that merge() can return `keep`. */
  size(keep: number): number
  /** The `keep` hypotheses to return for an image, best first, from those of each group, best first. */
  merge(found: readonly (readonly Hypothesis[])[], keep: number): Hypothesis[]
}

/** The role that picks among proposed words: which hypotheses of an image grow, and which are finished. */
export interface Chooser {
  /** Proposals that each row must have; fewer come if the vocabulary has fewer words. */
  width(beam: number): number
  /** Words whose log-probabilities choose() needs besides the proposals: rows of the frontier, and words. */
  wanted?(frontier: Frontier): WantedWords
  /** without it, all hypotheses of an image are one group */
  readonly groups?: Groups
  /** Adds the image's chosen hypotheses to `next` and its finished ones to `rankings`. */
  choose(choice: Choice, chosen: Chosen): void
}
