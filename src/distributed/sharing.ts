import { batchShareOf, type Share } from './shares.ts'
import { Team } from './team.ts'

/** One of several parts that a command's work is divided into, by `--shard i/n` or among ranks. */
export interface Part {
  /** from 0 */
  readonly index: number
  /** how many parts there are */
  readonly parts: number
}

/** How some work is shared out: what this process does of it, and how the results come together. */
export interface Sharing {
  readonly part: Part
  /** Aborted when this process should stop, together with the others. */
  readonly signal: AbortSignal | undefined
  /**
   * Does this part with `work`. Where the parts are put together, on rank 0 or in the last shard to end, returns the
   * results of all, which JSON can hold, in order; elsewhere undefined. The work's own signal is aborted as soon as
   * this process should stop.
   */
  collect<T>(work: (signal: AbortSignal | undefined) => Promise<T>): Promise<readonly T[] | undefined>
  /** Call it once the results are stored. */
  finish(): Promise<void>
}

/** The sharing of ranks. A process that is alone does everything. */
export function amongRanks(team: Team = new Team()): Sharing {
  const { rank, size } = team.ranks
  return {
    part: { index: rank, parts: size },
    signal: team.signal,
    async collect(work) {
      const results = await team.each(work)
      return rank === 0 ? results : undefined
    },
    finish: async () => {},
  }
}

/** This part of `count` items that are worked on in batches: see batchShareOf(). */
export const shareIn = ({ part: { index, parts } }: Sharing, count: number, batchSize: number): Share =>
  batchShareOf(count, batchSize, index, parts)
