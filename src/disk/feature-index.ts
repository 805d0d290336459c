import { join } from 'node:path'
import * as v from 'valibot'
import { UserError } from '../errors.ts'
import { validate } from '../validate.ts'
import { featureSourceSchema } from '../vision/feature-source.ts'
import { readJson, writeFileAtomic } from './files.ts'

/** `index.json` of a folder of features: what made them, and which image lies in which row of which shard. */
const schema = v.intersect([
  v.object({
    format: v.literal('mia-features/1'),
    dtype: v.literal('F16'),
    shards: v.array(
      v.object({
        file: v.string(),
        ids: v.array(v.string()),
        /** the regions of each image, where they are boxes */
        counts: v.optional(v.array(v.pipe(v.number(), v.integer(), v.minValue(1)))),
      }),
    ),
    leftOut: v.array(v.object({ id: v.string(), file: v.string(), why: v.string() })),
  }),
  featureSourceSchema,
])

export type FeatureIndex = v.InferOutput<typeof schema>
export type Shard = FeatureIndex['shards'][number]

/** An image that has no features, and why. */
export type LeftOut = FeatureIndex['leftOut'][number]

const pathOf = (folder: string): string => join(folder, 'index.json')

/** Throws UserError if it is missing or no index. */
export async function readIndex(folder: string): Promise<FeatureIndex> {
  const advice = 'delete the folder and run "mia features" again'
  const index = validate(schema, await readJson(pathOf(folder), 'index of features'), pathOf(folder), advice)
  const outside = index.shards.find(({ file }) => !/^shard-\d+\.safetensors$/.test(file))
  if (outside) throw new UserError(`Cannot read "${pathOf(folder)}": it names a shard "${outside.file}"; ${advice}`)
  return index
}

export async function writeIndex(folder: string, index: FeatureIndex): Promise<void> {
  await writeFileAtomic(pathOf(folder), JSON.stringify(index))
}
