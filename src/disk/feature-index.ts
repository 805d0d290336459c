import { join } from 'node:path'
import * as v from 'valibot'
import { UserError } from '../errors.ts'
import { validate } from '../validate.ts'
import { FEATURE_SOURCE_SCHEMA, hasBoxes } from '../vision/feature-source.ts'
import {
  FeatureJournal,
  findJournal,
  type JournalLine,
  journalEntries,
  refuseJournal,
  SHARD_SCHEMA,
  SKIPPED_SCHEMA,
} from './feature-journal.ts'
import { parseJson, readText, writeFileAtomic } from './files.ts'

const SCHEMA = v.intersect([
  v.object({
    format: v.literal('mia-features/2'),
    dtype: v.literal('F16'),
    shards: v.array(SHARD_SCHEMA),
    skipped: v.array(SKIPPED_SCHEMA),
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

/**
 * Reads the index of a folder of features, and the journal of what was added since, which a killed writer leaves.
 * Throws UserError if the index is missing, or one of them is damaged.
 */
export async function readIndex(folder: string): Promise<FeatureIndex> {
  const path = indexFile(folder)
  const journal = await findJournal(folder) // first: a writer that closes in between writes all of it into the index
  const text = await readText(path, 'index of features')
  const index = validate(SCHEMA, upgraded(parseJson(text, path, 'index of features')), path, ADVICE)
  const seen = new Set<string>()
  const check = (shard: Shard, refuse: (fault: string) => never): void => {
    const fault = faultOf(shard, index) ?? repeated(shard.ids, seen)
    if (fault !== undefined) refuse(fault)
  }
  for (const shard of index.shards)
    check(shard, (fault) => {
      throw new UserError(`Cannot read "${path}": ${fault}; ${ADVICE}`)
    })
  const entries = journal ? journalEntries(journal, text) : []
  for (const { shard } of entries) if (shard) check(shard, (fault) => refuseJournal(journal!, fault))
  return entries.length === 0 ? index : withEntries(index, entries)
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

/** An index with the lines of its journal. */
function withEntries(index: FeatureIndex, entries: readonly JournalLine[]): FeatureIndex {
  const skipped = new Map(index.skipped.map((image) => [image.id, image]))
  const shards = [...index.shards]
  for (const entry of entries) {
    for (const image of entry.skipped ?? []) skipped.set(image.id, image)
    if (!entry.shard) continue
    for (const id of entry.shard.ids) skipped.delete(id)
    shards.push(entry.shard)
  }
  return { ...index, shards, skipped: [...skipped.values()] }
}

/** Writes the index of a folder of features, in place of one and its journal, and begins a new journal. */
export async function writeIndex(folder: string, index: FeatureIndex): Promise<FeatureJournal> {
  const text = JSON.stringify(index)
  await writeFileAtomic(indexFile(folder), text)
  return FeatureJournal.begin(folder, text)
}
