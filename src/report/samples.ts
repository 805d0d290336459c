import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { readJson } from '../disk/files.ts'
import { validate } from '../validate.ts'

const SCHEMA = v.array(
  v.object({
    id: v.string(),
    caption: v.string(),
    cider: v.number(),
    references: v.array(v.string()),
    /** the probability of each word; missing in runs of version 0.1.0 */
    probabilities: v.optional(v.array(v.number())),
  }),
)

/** A sample caption of an epoch, as the training wrote it. */
export type LoggedSample = v.InferOutput<typeof SCHEMA>[number]

/**
 * The sample captions of a run's epochs, by rising epoch; of all that have a file, or of those in `only`. Throws
 * UserError, naming the field, if a file is damaged.
 */
export async function readSamples(
  folder: string,
  only?: readonly number[],
): Promise<ReadonlyMap<number, readonly LoggedSample[]>> {
  const names = await readdir(folder).catch(() => [])
  const epochs = names
    .flatMap((name) => {
      const epoch = Number(/^epoch-(\d+)\.json$/.exec(name)?.[1])
      return epoch >= 1 && (!only || only.includes(epoch)) ? [{ epoch, path: join(folder, name) }] : []
    })
    .sort((a, b) => a.epoch - b.epoch)
  const read = epochs.map(async ({ epoch, path }) => {
    const samples = validate(SCHEMA, await readJson(path, 'sample captions'), path, 'delete it')
    return [epoch, samples] as const
  })
  return new Map(await Promise.all(read))
}
