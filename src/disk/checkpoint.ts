import * as v from 'valibot'
import { UserError } from '../errors.ts'
import type { TensorData } from '../formats/safetensors.ts'
import { validate } from '../validate.ts'
import { readSafetensors, writeSafetensors } from './safetensors-file.ts'

/** Tensors by parameter name, as in `regions.out.weight`. */
export type Parameters = ReadonlyMap<string, TensorData>

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const progressSchema = v.object({
  format: v.literal('mia-checkpoint/1'),
  /** optimiser steps taken */
  step: count,
  /** epochs finished */
  epoch: count,
  /** batches done of the epoch after those */
  batch: count,
  /** the best validation score so far and the epoch it was reached after; null before the first */
  best: v.nullable(v.object({ epoch: count, score: v.number() })),
})

/** How far a run has come. */
export type RunProgress = Omit<v.InferOutput<typeof progressSchema>, 'format'>

/** Everything that a run needs to go on as if it had not been stopped; its random numbers follow from seed and progress. */
export interface Checkpoint extends RunProgress {
  readonly weights: Parameters
  /** Adam's running means of each weight's gradient and of its square */
  readonly firstMoments: Parameters
  readonly secondMoments: Parameters
  /** the moving average of the weights, where the run keeps one */
  readonly averages?: Parameters
}

const groups = ['weights', 'firstMoments', 'secondMoments', 'averages'] as const

/** Writes a checkpoint, whole or not at all: a kill leaves the one before. */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const { step, epoch, batch, best } = checkpoint
  const tensors = groups.flatMap((group) =>
    [...(checkpoint[group] ?? [])].map(([name, tensor]) => [`${group}/${name}`, tensor] as const),
  )
  const progress = JSON.stringify({ format: 'mia-checkpoint/1', step, epoch, batch, best })
  await writeSafetensors(path, tensors, { progress })
}

/** Reads a checkpoint. Throws UserError for a file that is none or whose weights and moments do not belong together. */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const { tensors, metadata } = await readSafetensors(path, 'checkpoint')
  const { format: _, ...progress } = validate(progressSchema, parseProgress(metadata.progress), path, advice)
  const [weights, firstMoments, secondMoments, averages] = groups.map(
    (group) => new Map([...tensors].flatMap(([name, tensor]) => within(group, name, tensor))),
  ) as [Map<string, TensorData>, Map<string, TensorData>, Map<string, TensorData>, Map<string, TensorData>]
  for (const moments of [firstMoments, secondMoments]) {
    const name = differing(weights, moments)
    if (name !== undefined)
      throw new UserError(`Cannot read "${path}": weight "${name}" has no moments of its shape; ${advice}`)
  }
  if (averages.size === 0) return { ...progress, weights, firstMoments, secondMoments }
  const name = differing(weights, averages)
  if (name !== undefined)
    throw new UserError(`Cannot read "${path}": weight "${name}" has no average of its shape; ${advice}`)
  return { ...progress, weights, firstMoments, secondMoments, averages }
}

const advice = 'it is not as "mia train" wrote it; start the run anew'

function parseProgress(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return undefined
  }
}

/** The tensor under the name it has in `group`; nothing if it is of another. */
function within(group: string, name: string, tensor: TensorData): [string, TensorData][] {
  return name.startsWith(`${group}/`) ? [[name.slice(group.length + 1), tensor]] : []
}

/** A name that only one of two sets has, or that has another shape in the other. */
function differing(a: Parameters, b: Parameters): string | undefined {
  const names = new Set([...a.keys(), ...b.keys()])
  return [...names].find((name) => a.get(name)?.shape.join() !== b.get(name)?.shape.join())
}
