import { join } from 'node:path'
import * as v from 'valibot'
import { UserError } from '../errors.ts'
import type { TensorData } from '../formats/safetensors.ts'
import { ConceptDetector, type ConceptDetectorConfig } from '../models/concept-detector.ts'
import { validate } from '../validate.ts'
import { type FeatureSource, featureSourceSchema, hasBoxes } from '../vision/index.ts'
import { readJson, readText, writeFileAtomic } from './files.ts'
import { writeSafetensors } from './safetensors-file.ts'
import { readWeights } from './weights.ts'

const schema = v.object({
  format: v.literal('mia-concepts/1'),
  words: v.array(v.string()),
  features: featureSourceSchema,
  /** mean average precision on the validation images, and each word's */
  meanAveragePrecision: v.number(),
  averagePrecision: v.record(v.string(), v.number()),
})

/** What a concept detector is beside its weights: the words, the features that it reads, how good it is. */
export type ConceptInfo = Omit<v.InferOutput<typeof schema>, 'format'>

/** A detector as it is kept in a folder, `detector.json` beside `detector.safetensors`. */
export interface StoredDetector {
  readonly info: ConceptInfo
  readonly weights: ReadonlyMap<string, TensorData>
}

/** The detector's model for features of that kind. */
export const detectorFor = (words: number, source: FeatureSource, dropout = 0): ConceptDetector =>
  new ConceptDetector({
    words,
    regions: source.regions,
    paddedRegions: hasBoxes(source),
    featureSize: source.size,
    dropout,
  } satisfies ConceptDetectorConfig)

export async function writeDetector(folder: string, { info, weights }: StoredDetector): Promise<void> {
  await writeSafetensors(join(folder, 'detector.safetensors'), [...weights], {})
  await writeFileAtomic(
    join(folder, 'detector.json'),
    `${JSON.stringify({ format: 'mia-concepts/1', ...info }, null, 2)}\n`,
  )
}

/** Reads a detector. Throws UserError where there is none or its parts do not fit. */
export async function readDetector(folder: string): Promise<StoredDetector> {
  const path = join(folder, 'detector.json')
  const advice = 'train it again with "mia concepts train"'
  const { format: _, ...info } = validate(schema, await readJson(path, 'concept detector'), path, advice)
  const weights = await readWeights(join(folder, 'detector.safetensors'), 'concept detector')
  for (const { name, shape } of detectorFor(info.words.length, info.features).parameters.values())
    if (weights.get(name)?.shape.join() !== shape.join())
      throw new UserError(
        `Cannot read concept detector "${folder}": its ${name} is not [${shape.join(', ')}]; ${advice}`,
      )
  return { info, weights }
}

/** The concepts of an image, the most confident first. */
export interface DetectedConcepts {
  readonly id: string
  readonly words: readonly string[]
  readonly scores: readonly number[]
}

/** Reads `concepts.jsonl`: the concepts of each image by its id. Throws UserError with the number of a line that is none. */
export async function readConcepts(path: string): Promise<ReadonlyMap<string, DetectedConcepts>> {
  const lines = (await readText(path, 'concepts')).split('\n').filter((line) => line !== '')
  return new Map(
    lines.map((line, i) => {
      try {
        const entry = JSON.parse(line) as DetectedConcepts
        if (typeof entry.id === 'string' && Array.isArray(entry.words)) return [entry.id, entry]
      } catch {}
      throw new UserError(
        `Cannot read concepts "${path}": line ${i + 1} has no "id" and "words"; make it again with "mia concepts detect"`,
      )
    }),
  )
}
