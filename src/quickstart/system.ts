import type { JournalEntry } from '../disk/journal.ts'
import type { Evaluation } from '../metrics/index.ts'
import type { NamedRight } from './right.ts'

/** One of the two systems that the quickstart compares. */
export interface System {
  readonly name: string
  /** the folder of its run */
  readonly run: string
  readonly epochs: readonly JournalEntry[]
  /** by image id */
  readonly captions: ReadonlyMap<string, string>
  readonly evaluation: Evaluation
  readonly right: NamedRight
}
