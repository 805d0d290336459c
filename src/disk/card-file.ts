import { join } from 'node:path'
import * as v from 'valibot'
import { validate } from '../validate.ts'
import { readJson } from './files.ts'

const score = v.object({ name: v.string(), score: v.number(), signature: v.string() })
const schema = v.object({
  format: v.literal('mia-card/1'),
  /** the terms of the data, in a sentence */
  terms: v.string(),
  /** the commit of the code that packed it, where that is known */
  commit: v.optional(v.string()),
  version: v.string(),
  trained: v.object({ images: v.number(), captions: v.number(), epochs: v.number(), bestEpoch: v.number() }),
  parameters: v.number(),
  /** of the packed weights, on the validation images */
  scores: v.array(score),
  /** F-scores of what captions state, by kind, as SPICE counts it; kinds that nobody states are left out */
  statements: v.record(v.string(), v.number()),
  concepts: v.optional(
    v.object({
      words: v.number(),
      meanAveragePrecision: v.number(),
      best: v.array(v.string()),
      worst: v.array(v.string()),
    }),
  ),
  captions: v.object({
    images: v.number(),
    beam: v.number(),
    different: v.number(),
    words: v.number(),
    mostFrequent: v.string(),
    times: v.number(),
  }),
  /** is it right where it is sure? thirds of the images, the least sure first: the range of the captions' confidence, and their mean CIDEr */
  sureness: v.array(v.object({ from: v.number(), to: v.number(), cider: v.number() })),
  files: v.array(v.object({ path: v.string(), bytes: v.number(), sha256: v.string() })),
})

/** What one should know of a packed captioner before one uses it; `card.json` in its folder. */
export type Card = Omit<v.InferOutput<typeof schema>, 'format'>

export const cardFile = (folder: string): string => join(folder, 'card.json')

export async function readCard(folder: string): Promise<Card> {
  const path = cardFile(folder)
  const { format: _, ...card } = validate(schema, await readJson(path, 'card'), path, 'make it again with "mia card"')
  return card
}

/** The kinds of statements that SPICE counts, as a reader would call them. */
export const STATEMENTS = [
  { metric: 'SPICE-ts_object', kind: 'objects' },
  { metric: 'SPICE-ts_relation', kind: 'relations between them' },
  { metric: 'SPICE-ts_attribute', kind: 'attributes' },
  { metric: 'SPICE-ts_color', kind: 'colours' },
  { metric: 'SPICE-ts_count', kind: 'counts' },
  { metric: 'SPICE-ts_size', kind: 'sizes' },
] as const
