import type { Weights } from '../caption/weights.ts'
import type { Communicator } from '../distributed/communicator.ts'
import { fromRankZero } from '../distributed/messages.ts'
import type { TrainingTask, Validation } from './loop.ts'
import { startOrRestore, type TrainingStart, TrainingState } from './state.ts'

/** A task of which only rank 0 reads and writes the files of the run. */
export function shareOut<B, V extends Validation>(task: TrainingTask<B, V>, ranks: Communicator): TrainingTask<B, V> {
  if (ranks.size === 1) return task
  const { onStep: _, onEpoch: __, ...rest } = task
  const { onStep, onEpoch } = ranks.rank === 0 ? task : {}
  return {
    ...rest,
    ...(onStep && { onStep }),
    ...(onEpoch && { onEpoch }),
    keep: async (weights, validation) => {
      if (ranks.rank === 0) await task.keep(weights, validation)
    },
    kept: async () => {
      const kept = ranks.rank === 0 ? await task.kept() : emptyWeights(task)
      for (const { name } of task.parameters) {
        const { data } = kept.get(name)!
        await ranks.broadcast(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
      }
      return kept
    },
  }
}

const emptyWeights = ({ parameters }: Pick<TrainingTask<unknown, Validation>, 'parameters'>): Weights =>
  new Map(
    parameters.map(({ name, shape }) => [
      name,
      { dtype: 'F32' as const, shape, data: new Float32Array(shape.reduce((product, size) => product * size, 1)) },
    ]),
  )

/** Seconds that drawing or reading the weights of a large model may take. */
const STARTING_SECONDS = 120

/**
 * Where ranks start to train: rank 0 as startOrRestore() says, the others at the same progress. Their weights are those
 * of rank 0 once the loop begins.
 */
export async function startTogether(
  ranks: Communicator,
  ...[path, parameters, seed, initial]: Parameters<typeof startOrRestore>
): Promise<TrainingStart> {
  ranks.busy(STARTING_SECONDS)
  const first = ranks.rank === 0 ? await startOrRestore(path, parameters, seed, initial) : undefined
  const { step, epoch, batch, best } = await fromRankZero(ranks, first?.progress)
  return first ?? { state: TrainingState.start(parameters, seed), progress: { step, epoch, batch, best } }
}
