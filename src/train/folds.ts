// Cross-fitting: besides the detector of all training images, detectors that each learn without one fold of them. The
// concepts of a training image then come from a detector that has not seen it, as those of a new picture do.
import { existsSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { StoredDetector } from '../caption/stored-detector.ts'
import type { ImageEntry } from '../data/dataset.ts'
import { readDetector } from '../disk/concept-files.ts'
import { crc32 } from '../disk/crc32.ts'
import { UserError } from '../errors.ts'
import { counted } from '../wording.ts'

/**
 * The fold of an image, from 0 to `folds` - 1. It depends on the id alone: an image keeps its fold when others are
 * added to the dataset, and no detector has to say which images it learned without.
 */
export const foldOf = ({ id }: Pick<ImageEntry, 'id'>, folds: number): number =>
  crc32(new TextEncoder().encode(id), 0) % folds

const NAME = /^without-fold-(\d+)-of-(\d+)$/

/** The folder, in the folder of a dataset's concepts, of the detector that learns without `fold`, counted from 0. */
export const foldFolder = (concepts: string, fold: number, folds: number): string =>
  join(concepts, `without-fold-${fold + 1}-of-${folds}`)

/** Removes the detectors of other numbers of folds; 0 removes all. */
export async function removeOtherFolds(concepts: string, folds: number): Promise<void> {
  for (const name of await names(concepts))
    if (Number(NAME.exec(name)![2]) !== folds) await rm(join(concepts, name), { recursive: true })
}

/**
 * The detectors that learned without a fold, by fold; none if the dataset has no such detectors. Throws UserError if
 * some are missing or damaged, or do not have the words and features of `main`, the detector of all images.
 */
export async function readFolds(concepts: string, main: StoredDetector): Promise<readonly StoredDetector[]> {
  const [first] = await names(concepts)
  if (first === undefined) return []
  const folds = Number(NAME.exec(first)![2])
  const detectors: StoredDetector[] = []
  for (let fold = 0; fold < folds; fold++) {
    const folder = foldFolder(concepts, fold, folds)
    const advice = `run "mia concepts train --folds ${folds}" again`
    if (!existsSync(folder))
      throw new UserError(
        `Cannot use the ${counted(folds, 'fold')} of "${concepts}": there is no "${folder}"; ${advice}`,
      )
    const detector = await readDetector(folder)
    if (identity(detector) !== identity(main))
      throw new UserError(
        `Cannot use "${folder}": its words or features are not those of the concept detector of "${concepts}"; ${advice}`,
      )
    detectors.push(detector)
  }
  return detectors
}

const identity = ({ info: { words, features } }: StoredDetector): string => JSON.stringify([words, features])

async function names(concepts: string): Promise<string[]> {
  return existsSync(concepts) ? (await readdir(concepts)).filter((name) => NAME.test(name)).sort() : []
}
