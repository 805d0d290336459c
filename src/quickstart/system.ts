import type { JournalEntry } from '../disk/journal.ts'
import type { Evaluation } from '../metrics/index.ts'
import type { NamingScores } from './naming.ts'

/** One of the two systems that the quickstart trains and compares. */
export interface System {
  readonly name: string
  /** the folder of its run */
  readonly run: string
  /** the epochs in the run's log */
  readonly epochs: readonly JournalEntry[]
  /** captions of the test pictures by image id */
  readonly captions: ReadonlyMap<string, string>
  readonly evaluation: Evaluation
  readonly naming: NamingScores
}
