import { join } from 'node:path'
import * as v from 'valibot'
import { UserError } from '../errors.ts'
import { POSITIVE_COUNT, validate } from '../validate.ts'
import { FEATURE_SOURCE_SCHEMA, hasBoxes } from '../vision/feature-source.ts'
import { readJson, writeFileAtomic } from './files.ts'

const SCHEMA = v.intersect([
  v.object({
    format: v.literal('mia-features/2'),
    dtype: v.literal('F16'),
    shards: v.array(
      v.object({
        file: v.string(),
        ids: v.array(v.string()),
        /** the number of regions of each image, if the regions are boxes */
        counts: v.optional(v.array(POSITIVE_COUNT)),
      }),
    ),
    skipped: v.array(v.object({ id: v.string(), file: v.string(), reason: v.string() })),
  }),
  FEATURE_SOURCE_SCHEMA,
])

/** The content of `index.json` in a folder of features: their source, the images of each shard, and those skipped. */
export type FeatureIndex = v.InferOutput<typeof SCHEMA>
/** A file of features and the ids of its images, in order. */
export type Shard = FeatureIndex['shards'][number]

const ADVICE = 'delete the folder and run "mia features" again'

/** The path of the index of a folder of features. */
export const indexFile = (folder: string): string => join(folder, 'index.json')

/** Reads the index of a folder of features. Throws UserError if it is missing or damaged. */
export async function readIndex(folder: string): Promise<FeatureIndex> {
  const path = indexFile(folder)
  const index = validate(SCHEMA, upgraded(await readJson(path, 'index of features')), path, ADVICE)
  const seen = new Set<string>()
  for (const shard of index.shards) {
    const fault = faultOf(shard, index) ?? repeated(shard.ids, seen)
    if (fault !== undefined) throw new UserError(`Cannot read "${path}": ${fault}; ${ADVICE}`)
  }
  return index
}

/**
 * An index in format `mia-features/1`, which called skipped images `leftOut`, as `mia-features/2`; any other value as
 * it is.
 */
function upgraded(value: unknown): unknown {
  const index = value as { format?: unknown; leftOut?: unknown } | null
  if (index?.format !== 'mia-features/1' || !Array.isArray(index.leftOut)) return value
  const { leftOut, ...rest } = index
  const skipped = leftOut.map((image: unknown) => {
    const { why: reason, ...named } = Object(image) as { why?: unknown }
    return { ...named, reason }
  })
  return { ...rest, format: 'mia-features/2', skipped }
}

function faultOf({ file, ids, counts }: Shard, index: FeatureIndex): string | undefined {
  if (!/^shard-\d+\.safetensors$/.test(file)) return `it names a shard "${file}"`
  if (hasBoxes(index) !== (counts !== undefined))
    return `shard "${file}" has ${counts ? 'counts' : 'no counts'} of regions`
  if (!counts) return undefined
  if (counts.length !== ids.length) return `shard "${file}" has ${ids.length} ids and ${counts.length} counts`
  const over = counts.find((count) => count > index.regions)
  return over === undefined
    ? undefined
    : `an image of shard "${file}" has ${over} regions, more than the ${index.regions} of the source`
}

/** Adds ids to those that were seen; says which of them was seen before. */
function repeated(ids: readonly string[], seen: Set<string>): string | undefined {
  for (const id of ids) {
    if (seen.has(id)) return `it has image "${id}" twice`
    seen.add(id)
  }
  return undefined
}

/** Writes the index of a folder of features. */
export async function writeIndex(folder: string, index: FeatureIndex): Promise<void> {
  await writeFileAtomic(indexFile(folder), JSON.stringify(index))
}
