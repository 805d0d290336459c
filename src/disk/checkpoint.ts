import * as v from 'valibot'
import { UserError } from '../errors.ts'
import type { TensorData } from '../formats/safetensors.ts'
import { COUNT, validate } from '../validate.ts'
import { readSafetensors, writeSafetensors } from './safetensors-file.ts'

/** Tensors by parameter name, as in `regions.out.weight`. */
export type Parameters = ReadonlyMap<string, TensorData>

const PROGRESS_SCHEMA = v.object({
  format: v.literal('mia-checkpoint/1'),
  /** optimiser steps taken */
  step: COUNT,
  /** epochs done */
  epoch: COUNT,
  /** batches done of the next epoch */
  batch: COUNT,
  /**
   * the best epoch so far, counted from 1, and its validation score; null before the first. If another epoch had the
   * same score, `logLikelihood` is the mean log-likelihood of the validation data, which ranked them.
   */
  best: v.nullable(v.object({ epoch: COUNT, score: v.number(), logLikelihood: v.optional(v.number()) })),
})

/** The progress of a run. */
export type RunProgress = Omit<v.InferOutput<typeof PROGRESS_SCHEMA>, 'format'>

/** The state that a run resumes from as if it had never stopped. Its random numbers follow from seed and progress. */
export interface Checkpoint extends RunProgress {
  readonly weights: Parameters
  /** Adam's decaying sums of the gradients, see Moments in train/optimizer.ts */
  readonly firstMoments: Parameters
  /** Adam's decaying sums of the squared gradients */
  readonly secondMoments: Parameters
  /** the exponential moving average of the weights, if the run keeps one */
  readonly averages?: Parameters
}

/** The tensor `weights/regions.out.weight` is that parameter's weight, and so on. */
const GROUPS = ['weights', 'firstMoments', 'secondMoments', 'averages'] as const
const ADVICE = 'it is not as "mia train" wrote it; start the run again'

/** Writes a checkpoint atomically: a kill leaves the previous one. */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const { step, epoch, batch, best } = checkpoint
  const tensors = GROUPS.flatMap((group) =>
    [...(checkpoint[group] ?? [])].map(([name, tensor]) => [`${group}/${name}`, tensor] as const),
  )
  const progress = JSON.stringify({ format: 'mia-checkpoint/1', step, epoch, batch, best })
  await writeSafetensors(path, tensors, { progress })
}

/**
 * Reads a checkpoint. Throws UserError if the file is not a checkpoint, if a tensor is not F32, or if weights and
 * moments do not belong together.
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const { tensors, metadata } = await readSafetensors(path, 'checkpoint')
  const { format: _, ...progress } = validate(PROGRESS_SCHEMA, parseProgress(metadata.progress), path, ADVICE)
  const [weights, firstMoments, secondMoments, averages] = GROUPS.map(
    (group) => new Map([...tensors].flatMap(([name, tensor]) => within(group, name, tensor))),
  ) as [Map<string, TensorData>, Map<string, TensorData>, Map<string, TensorData>, Map<string, TensorData>]
  for (const [name, { dtype }] of tensors)
    if (dtype !== 'F32')
      throw new UserError(`Cannot read "${path}": "${name}" has the type ${dtype} and should be F32; ${ADVICE}`)
  for (const moments of [firstMoments, secondMoments]) {
    const name = differing(weights, moments)
    if (name !== undefined)
      throw new UserError(`Cannot read "${path}": weight "${name}" has no moments of its shape; ${ADVICE}`)
  }
  if (averages.size === 0) return { ...progress, weights, firstMoments, secondMoments }
  const name = differing(weights, averages)
  if (name !== undefined)
    throw new UserError(`Cannot read "${path}": weight "${name}" has no average of its shape; ${ADVICE}`)
  return { ...progress, weights, firstMoments, secondMoments, averages }
}

function parseProgress(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return undefined
  }
}

/** The tensor under its parameter's name, if it belongs to `group`. */
function within(group: string, name: string, tensor: TensorData): [string, TensorData][] {
  return name.startsWith(`${group}/`) ? [[name.slice(group.length + 1), tensor]] : []
}

/** A name that only one of two sets has, or whose shape differs. */
function differing(a: Parameters, b: Parameters): string | undefined {
  const names = new Set([...a.keys(), ...b.keys()])
  return [...names].find((name) => a.get(name)?.shape.join() !== b.get(name)?.shape.join())
}
