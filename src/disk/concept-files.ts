import { join } from 'node:path'
import {
  type ConceptInfo,
  detectorDigest,
  formatDetector,
  parseDetector,
  type StoredDetector,
} from '../caption/stored-detector.ts'
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

/** The first line of `concepts.jsonl`: which detector found the concepts. Files of version 0.1.0 have none. */
interface ConceptsHeader {
  readonly format: typeof CONCEPTS_FORMAT
  /** see detectorDigest() */
  readonly detector: string
}

const CONCEPTS_FORMAT = 'mia-detected-concepts/1'

/** Writes the concepts that a detector found as `concepts.jsonl`, atomically. */
export async function writeConcepts(
  path: string,
  detector: StoredDetector,
  concepts: readonly DetectedConcepts[],
): Promise<void> {
  const header: ConceptsHeader = { format: CONCEPTS_FORMAT, detector: await detectorDigest(detector) }
  await writeFileAtomic(path, [header, ...concepts].map((line) => `${JSON.stringify(line)}\n`).join(''))
}

/** Whether that detector found the concepts of a file; true if the file, of version 0.1.0, does not say which did. */
export async function isFromDetector(path: string, detector: StoredDetector): Promise<boolean> {
  for await (const line of readLines(path, 'concepts')) {
    const header = headerOf(line)
    return !header || header.detector === (await detectorDigest(detector))
  }
  return true
}

function headerOf(line: string): ConceptsHeader | undefined {
  const value = parseJson(line) as Partial<ConceptsHeader> | null | undefined
  return value?.format === CONCEPTS_FORMAT ? (value as ConceptsHeader) : undefined
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
    if (line === '' || (number === 1 && headerOf(line))) continue
    const entry = parseEntry(line)
    if (!entry)
      throw new UserError(
        `Cannot read concepts "${path}": line ${number} is not an entry with "id", "words" and as many "scores"; ` +
          'make the file again with "mia concepts detect"',
      )
    if (concepts.has(entry.id))
      throw new UserError(
        `Cannot read concepts "${path}": line ${number} is of image "${entry.id}", as one before; ` +
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
