import { join } from 'node:path'
import { type ConceptInfo, formatDetector, parseDetector, type StoredDetector } from '../caption/stored-detector.ts'
import { UserError } from '../errors.ts'
import type { TensorData } from '../formats/safetensors.ts'
import { readJson, readText, writeFileAtomic } from './files.ts'
import { readSafetensors, writeSafetensors } from './safetensors-file.ts'

/** The files of a folder that holds a concept detector. */
export const detectorFiles = (folder: string) => ({
  info: join(folder, 'detector.json'),
  weights: join(folder, 'detector.safetensors'),
})

/** Writes a detector into a folder. */
export async function writeDetector(
  folder: string,
  { info, weights }: { readonly info: ConceptInfo; readonly weights: ReadonlyMap<string, TensorData> },
): Promise<void> {
  const files = detectorFiles(folder)
  await writeSafetensors(files.weights, [...weights], {})
  await writeFileAtomic(files.info, formatDetector(info))
}

/** Reads a detector. Throws UserError where there is none or its parts do not fit. */
export async function readDetector(folder: string): Promise<StoredDetector> {
  const files = detectorFiles(folder)
  const value = await readJson(files.info, 'concept detector')
  const { tensors } = await readSafetensors(files.weights, 'concept detector')
  return parseDetector({ value, path: files.info }, { tensors, path: files.weights })
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
