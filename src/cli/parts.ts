import type { Communicator } from '../distributed/communicator.ts'
import type { Part } from '../distributed/sharing.ts'
import { UsageError } from '../errors.ts'
import type { Answer } from './output.ts'

/** Throws UsageError for `--shard` in a job of MPI, whose ranks share out the work. */
export function refuseShardOnRanks(shard: Part | undefined, ranks: Communicator): void {
  if (shard && ranks.size > 1)
    throw new UsageError(
      'Cannot use --shard with the ranks of MPI, which share out the work already; leave one of them out',
    )
}

/** The answer of a command that has done its part, while others are missing; ranks but the first have no `shard`. */
export function partAnswer(shard: Part | undefined): Answer {
  if (!shard) return { json: {}, text: '' }
  const { index, parts } = shard
  return {
    json: { part: index + 1, parts, complete: false },
    text: `Part ${index + 1} of ${parts} is done; the part that ends last puts the results together`,
  }
}
