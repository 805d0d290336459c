import { join } from 'node:path'
import { type ConceptInfo, formatDetector, parseDetector, type StoredDetector } from '../caption/stored-detector.ts'
import { UserError } from '../errors.ts'
import type { TensorData } from '../formats/safetensors.ts'
import { readJson, readLines, writeFileAtomic } from './files.ts'
import { readSafetensors, writeSafetensors } from './safetensors-file.ts'

/** The paths of the files of a concept detector in a folder. */
export const detectorFiles = (folder: string) => ({
  /** the detector's words, features and scores, for people and programs; the weights' file holds them too */
  info: join(folder, 'detector.json'),
  weights: join(folder, 'detector.safetensors'),
})

/**
 * Writes a detector into a folder. The metadata of the weights' file repeats the content of `detector.json`: that one
 * file is the whole detector, and a kill between the two writes cannot pair new weights with old words.
 */
export async function writeDetector(
  folder: string,
  { info, weights }: { readonly info: ConceptInfo; readonly weights: ReadonlyMap<string, TensorData> },
): Promise<void> {
  const files = detectorFiles(folder)
  const text = formatDetector(info)
  await writeSafetensors(files.weights, weights, { [INFO]: text })
  await writeFileAtomic(files.info, text)
}

/** The key of the detector's description in the metadata of its weights. */
const INFO = 'detector'

/**
 * Reads a detector. Its description is that in the metadata of the weights; files of version 0.1.0 have none there, and
 * `detector.json` is read. Throws UserError if a file is missing or damaged, or the two do not fit.
 */
export async function readDetector(folder: string): Promise<StoredDetector> {
  const files = detectorFiles(folder)
  const { tensors, metadata } = await readSafetensors(files.weights, 'concept detector')
  const text = metadata[INFO]
  const json =
    text === undefined
      ? { value: await readJson(files.info, 'concept detector'), path: files.info }
      : { value: parseJson(text), path: files.weights }
  return parseDetector(json, { tensors, path: files.weights })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The concepts of an image, the most confident first. */
export interface DetectedConcepts {
  readonly id: string
  readonly words: readonly string[]
  /** the confidence of each word, from 0 to 1 */
  readonly scores: readonly number[]
}

/**
 * Reads `concepts.jsonl`: the concepts of each image by its id. Throws UserError with the number of a line that is
 * wrong.
 */
export async function readConcepts(path: string): Promise<ReadonlyMap<string, DetectedConcepts>> {
  const concepts = new Map<string, DetectedConcepts>()
  let number = 0
  for await (const line of readLines(path, 'concepts')) {
    number += 1
    if (line === '') continue
    const entry = parseEntry(line)
    if (!entry)
      throw new UserError(
        `Cannot read concepts "${path}": line ${number} is not an entry with "id", "words" and as many "scores"; ` +
          'make the file again with "mia concepts detect"',
      )
    concepts.set(entry.id, entry)
  }
  return concepts
}

function parseEntry(line: string): DetectedConcepts | undefined {
  const { id, words, scores } = (parseJson(line) ?? {}) as Partial<Record<keyof DetectedConcepts, unknown>>
  const right =
    typeof id === 'string' &&
    Array.isArray(words) &&
    words.every((word) => typeof word === 'string') &&
    Array.isArray(scores) &&
    scores.length === words.length &&
    scores.every((score) => Number.isFinite(score))
  return right ? { id, words, scores } : undefined
}
