import { join } from 'node:path'
import * as v from 'valibot'
import { validate } from '../validate.ts'
import { readJson } from './files.ts'

const score = v.object({ name: v.string(), score: v.number(), signature: v.string() })
const FORMAT = 'mia-card/3'
const SCHEMA = v.object({
  format: v.literal(FORMAT),
  /** the terms of use of the data, in a sentence */
  terms: v.string(),
  /** the commit of the code that packed it, if known */
  commit: v.optional(v.string()),
  version: v.string(),
  trained: v.object({ images: v.number(), captions: v.number(), epochs: v.number(), bestEpoch: v.number() }),
  parameters: v.number(),
  /** scores of the packed weights on the validation images */
  scores: v.array(score),
  /** SPICE F-scores by kind of statement; kinds that neither captions nor references state are left out */
  statements: v.record(v.string(), v.number()),
  /** scores on the validation images of each dataset by name, such as `CIDEr flickr8k`, if there are several */
  datasets: v.optional(v.record(v.string(), v.number())),
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
    /** the weight of concepts in the choice of captions, if they had one */
    conceptWeight: v.optional(v.number()),
    /** how they were computed, if not in float32 */
    precision: v.optional(v.literal('int8')),
    different: v.number(),
    words: v.number(),
    mostFrequent: v.string(),
    times: v.number(),
  }),
  /**
   * how reliable the confidence is: captions in bins of rising confidence, the share of each that fits (whose CIDEr is
   * at least `fittingCider`), and the expected calibration error; cards before format 3 have none
   */
  confidence: v.optional(
    v.object({
      fittingCider: v.number(),
      error: v.number(),
      bins: v.array(
        v.object({ from: v.number(), to: v.number(), captions: v.number(), confidence: v.number(), fit: v.number() }),
      ),
    }),
  ),
  files: v.array(v.object({ path: v.string(), bytes: v.number(), sha256: v.string() })),
})

/**
 * The model card of a packed captioner: its data, size, scores and files. It is `card.json` in the captioner's folder.
 */
export type Card = Omit<v.InferOutput<typeof SCHEMA>, 'format'>

/** The path of a packed captioner's card. */
export const cardFile = (folder: string): string => join(folder, 'card.json')

/** Reads the card of a packed captioner. Throws UserError, naming the field, if it is missing or damaged. */
export async function readCard(folder: string): Promise<Card> {
  const path = cardFile(folder)
  const value = upgraded(await readJson(path, 'card'))
  const { format: _, ...card } = validate(SCHEMA, value, path, 'make it again with "mia card"')
  return card
}

/** Returns a card as the JSON that readCard() reads. */
export const formatCard = (card: Card): string => `${JSON.stringify({ format: FORMAT, ...card }, null, 2)}\n`

/**
 * A card of an earlier format without its confidence, which was not calibrated; formats 1 and 2 called it `sureness`
 * and `confidence`. Returns any other value unchanged.
 */
function upgraded(value: unknown): unknown {
  const card = value as { format?: unknown; sureness?: unknown; confidence?: unknown } | null
  if (card?.format !== 'mia-card/1' && card?.format !== 'mia-card/2') return value
  const { sureness: _, confidence: __, ...rest } = card
  return { ...rest, format: FORMAT }
}

/** The kinds of statements that SPICE scores, with the metric's name and plain words. */
export const STATEMENTS = [
  { metric: 'SPICE-ts_object', kind: 'objects' },
  { metric: 'SPICE-ts_relation', kind: 'relations between them' },
  { metric: 'SPICE-ts_attribute', kind: 'attributes' },
  { metric: 'SPICE-ts_color', kind: 'colours' },
  { metric: 'SPICE-ts_count', kind: 'counts' },
  { metric: 'SPICE-ts_size', kind: 'sizes' },
] as const
