import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import * as v from 'valibot'
import type { ImageEntry } from '../data/dataset.ts'
import { readJson, writeFileAtomic } from '../disk/files.ts'
import { runFiles } from '../disk/run.ts'
import { UserError } from '../errors.ts'
import { COUNT, validate } from '../validate.ts'
import { counted } from '../wording.ts'

/** The fields of an image that training depends on. */
type Captioned = Pick<ImageEntry, 'id' | 'tokens'>

/** The images that a run trains and validates on. */
export interface TrainingImages {
  readonly train: readonly Captioned[]
  readonly val: readonly Captioned[]
}

const SPLIT = v.object({ images: COUNT, sha256: v.string() })
const SCHEMA = v.object({ format: v.literal('mia-run-data/1'), train: SPLIT, val: SPLIT })
const NAMES = { train: 'training', val: 'validation' } as const

/** A hash (SHA-256, hexadecimal) of the images' ids and tokenised captions, in order. */
export function imagesDigest(images: readonly Captioned[]): string {
  const hash = createHash('sha256')
  for (const { id, tokens } of images) hash.update(`${JSON.stringify([id, tokens])}\n`)
  return hash.digest('hex')
}

/**
 * Stores hashes of the training and validation images in the run's folder, as `data.json` (see imagesDigest()), and
 * throws UserError if a run with a checkpoint began with other images: training images that moved to the validation
 * split would choose the best epoch. A run of version 0.1.0 has no `data.json` and is accepted. `data` is the dataset's
 * folder.
 */
export async function keepDataIdentity(folder: string, data: string, images: TrainingImages): Promise<void> {
  const files = runFiles(folder)
  const now = { train: identityOf(images.train), val: identityOf(images.val) }
  if (existsSync(files.data) && existsSync(files.checkpoint)) {
    const began = validate(SCHEMA, await readJson(files.data, 'run data'), files.data, 'start the run again')
    for (const split of ['train', 'val'] as const) {
      if (now[split].sha256 === began[split].sha256) continue
      const [count, before] = [now[split].images, began[split].images]
      throw new UserError(
        `Cannot resume the run "${folder}": the ${NAMES[split]} images of dataset "${data}" have changed since the run ` +
          `began (${count === before ? `${counted(count, 'image')} as before, with other ids, captions or order` : `${counted(count, 'image')} instead of ${counted(before, 'image')}`}); ` +
          'prepare the dataset as it was, with features and concepts of the same images, or start a new run',
      )
    }
    return
  }
  await writeFileAtomic(files.data, `${JSON.stringify({ format: 'mia-run-data/1', ...now }, null, 2)}\n`)
}

const identityOf = (images: readonly Captioned[]): v.InferOutput<typeof SPLIT> => ({
  images: images.length,
  sha256: imagesDigest(images),
})
