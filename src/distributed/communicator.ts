import { UserError } from '../errors.ts'

/**
 * A rank was lost: it ended, hangs or failed. The others cannot go on. The state of a training is that of the last
 * finished step, and can be saved.
 */
export class RankError extends UserError {
  override readonly name = 'RankError'
}

/** How a collective call waits for the other ranks. */
export interface Waiting {
  /**
   * Seconds that a rank may come later than this one before it counts as lost; by default 10 minutes. A rank that gives
   * no sign of life is lost sooner.
   */
  readonly patience?: number
}

/** A rank's place among those on its machine. */
export interface LocalRank {
  /** from 0 */
  readonly rank: number
  /** ranks on the machine */
  readonly size: number
}

/**
 * The processes that work together, as in MPI. Every rank makes the same collective calls in the same order. A call
 * rejects with RankError if a rank is lost. Calls may not overlap, except that sum() may be called again before the
 * calls before it have ended.
 */
export interface Communicator {
  /** this process's number, from 0 */
  readonly rank: number
  /** how many ranks there are */
  readonly size: number
  /** its place among the ranks on its machine */
  readonly local: LocalRank
  /** for the log: the library and where each rank runs; empty if there is one rank */
  readonly description: string
  /** aborted, with a RankError as its reason, when a rank is lost */
  readonly lost: AbortSignal
  /** Adds the arrays of all ranks, of one length, in place: each rank gets the same bytes. */
  sum(data: Float32Array, waiting?: Waiting): Promise<void>
  /** Copies the bytes of rank 0 over those of all others, of the same length. */
  broadcast(data: Uint8Array, waiting?: Waiting): Promise<void>
  /** Returns the bytes of every rank, of any lengths, to every rank. */
  gather(data: Uint8Array, waiting?: Waiting): Promise<readonly Uint8Array[]>
  /** Sends the n-th of as many equal parts of `data` as there are ranks to rank n; `into` gets the parts sent here. */
  exchange(data: Uint8Array, into: Uint8Array, waiting?: Waiting): Promise<void>
  /** Tells the others that this rank's main thread may be at work for so many seconds and answer nobody. */
  busy(seconds: number): void
}

/** The communicator of a process that works alone: every collective call returns at once. */
export const ALONE: Communicator = {
  rank: 0,
  size: 1,
  local: { rank: 0, size: 1 },
  description: '',
  lost: new AbortController().signal,
  async sum() {},
  async broadcast() {},
  gather: async (data) => [data],
  async exchange(data, into) {
    into.set(data)
  },
  busy() {},
}
