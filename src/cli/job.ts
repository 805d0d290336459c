import { setTimeout } from 'node:timers/promises'
import { ALONE, type Communicator, RankError } from '../distributed/communicator.ts'
import { UsageError } from '../errors.ts'
import { launchOf } from '../hosts/node/mpi/launch.ts'
import type { Command } from './command.ts'

/** After a rank is lost, the others have so long to save their work. */
const END_AFTER_MS = 8000
/** How long a rank that failed waits for rank 0 to end the job. */
const WAIT_FOR_RANK_ZERO_MS = 12_000
/** Rank 1 says that rank 0 is lost, and ends the job; the other ranks only if it does not. */
const LET_RANK_ONE_MS = 3000

type MpiRanks = import('../hosts/node/mpi/communicator.ts').MpiCommunicator

/** The command of one process, or of the ranks of an MPI job. */
export class Job {
  readonly #ranks: MpiRanks | undefined
  readonly #say: (error: unknown) => void

  private constructor(ranks: MpiRanks | undefined, say: (error: unknown) => void) {
    this.#ranks = ranks
    this.#say = say
    const lost = ranks?.lost
    lost?.addEventListener('abort', () => globalThis.setTimeout(() => this.#end(lost.reason), END_AFTER_MS))
  }

  /**
   * Joins the other ranks if this process was launched by MPI. `say` prints an error. Throws UsageError if the command
   * is not one that several ranks share out, and UserError if they cannot be joined.
   */
  static async join(command: Command, say: (error: unknown) => void): Promise<Job> {
    const launch = launchOf(process.env)
    if (!launch || launch.size === 1) return new Job(undefined, say)
    if (!command.ranks)
      throw new UsageError(
        `Cannot share out "mia ${command.name}" among ranks of MPI: run it without mpirun or srun, as one process`,
      )
    const { MpiCommunicator } = await import('../hosts/node/mpi/communicator.ts')
    return new Job(await MpiCommunicator.join(launch), say)
  }

  /** The ranks: this process alone if it was not launched by MPI. */
  get ranks(): Communicator {
    return this.#ranks ?? ALONE
  }

  /** Leaves the ranks when all have done their work. */
  async leave(): Promise<void> {
    await this.#ranks?.leave()
  }

  /**
   * Ends the processes of all ranks, because this one failed or another is lost: rank 0 says why. Does not return,
   * except in a process that is alone.
   */
  async fail(error: unknown): Promise<void> {
    const ranks = this.#ranks
    if (!ranks) return this.#say(error)
    if (ranks.rank > 0 && !(error instanceof RankError)) {
      ranks.fail(error instanceof Error ? error.message : String(error))
      await setTimeout(WAIT_FOR_RANK_ZERO_MS)
    } else if (ranks.rank > 1) await setTimeout(LET_RANK_ONE_MS)
    this.#end(error)
  }

  #end(error: unknown): void {
    this.#say(error)
    this.#ranks?.abort(1)
  }
}
