import { createHash } from 'node:crypto'
import { frequentConcepts } from '../../data/concept-words.ts'
import { Dataset, type ImageEntry } from '../../data/dataset.ts'
import { UserError } from '../../errors.ts'
import { UNKNOWN } from '../../text/vocabulary.ts'
import type { CaptionerToTune } from './captioner-to-tune.ts'
import type { TuningPicture } from './views.ts'

/** The pictures of a training, and the words that it predicts from them. */
export interface TuningPictures {
  readonly train: readonly TuningPicture[]
  readonly val: readonly TuningPicture[]
  /** the words, the most frequent first; none without captions */
  readonly words: readonly string[]
}

/** Where the pictures of a training come from. */
export interface PictureSources {
  /** folders of datasets: their training pictures are trained on, and validation pictures validated on */
  readonly data: readonly string[]
  /** files of pictures without captions, by folder */
  readonly images: readonly (readonly string[])[]
}

/** Of the pictures of folders, one in so many is for validation. */
const VALIDATION_EVERY = 50

/**
 * The pictures of datasets and of folders without captions, and the frequent content words of all training captions.
 * With a captioner those of the dataset that have what it needs, and the words of its detector.
 */
export async function tuningPictures(
  { data, images }: PictureSources,
  captioner?: CaptionerToTune,
): Promise<TuningPictures> {
  const train: TuningPicture[] = []
  const val: TuningPicture[] = []
  const examples: ImageEntry[] = []
  const known = new Set<string>()
  for (const [i, folder] of data.entries()) {
    const dataset = await Dataset.open(folder)
    for (const image of dataset.images) {
      if (image.split === 'test' || (captioner && !isCaptioned(image, captioner))) continue
      const words = new Set(image.tokens.flatMap((caption) => caption.split(' ')))
      const captioned = captioner && captionedBy(image, captioner)
      const id = `data-${i + 1}/${image.id}`
      const picture = { id, path: dataset.imagePath(image), words, ...(captioned && { captioned }) }
      if (image.split === 'val') val.push(picture)
      else {
        train.push(picture)
        examples.push(image)
        for (const word of words) if (dataset.vocabulary.id(word) !== UNKNOWN) known.add(word)
      }
    }
  }
  for (const [i, files] of images.entries())
    for (const [j, path] of files.entries()) {
      const picture = { id: `images-${i + 1}/${j}`, path }
      if (j % VALIDATION_EVERY === VALIDATION_EVERY - 1) val.push(picture)
      else train.push(picture)
    }
  const id = (word: string) => (known.has(word) ? UNKNOWN + 1 : UNKNOWN)
  return { train, val, words: captioner?.detector?.info.words ?? frequentConcepts(examples, { id }) }
}

/** Whether an image has captions, and the features and concepts that a captioner reads. */
const isCaptioned = ({ id, tokens }: ImageEntry, { inputs }: CaptionerToTune): boolean =>
  tokens.length > 0 && inputs.has(id)

/** The captions and concepts of an image as the word ids of a captioner. */
const captionedBy = ({ id, tokens }: ImageEntry, { vocabulary, inputs }: CaptionerToTune) => ({
  captions: tokens.map((caption) => vocabulary.encode(caption.split(' '))),
  concepts: inputs.concepts([id]),
})

/** The pictures for which `has` is true. Throws UserError if none are left to train or to validate on. */
export function picturesWith(pictures: TuningPictures, has: (picture: TuningPicture) => boolean): TuningPictures {
  const [train, val] = [pictures.train.filter(has), pictures.val.filter(has)]
  if (train.length === 0 || val.length === 0)
    throw new UserError(
      `Cannot tune a network on ${train.length} training and ${val.length} validation pictures: it needs both; give ` +
        `a dataset with a validation split, or a folder of at least ${VALIDATION_EVERY} pictures`,
    )
  return { ...pictures, train, val }
}

/** A hash (SHA-256, hexadecimal) of the pictures' ids, words, captions and concepts, in order. */
export function picturesDigest(pictures: readonly TuningPicture[]): string {
  const hash = createHash('sha256')
  for (const { id, words, captioned } of pictures) {
    const learned = captioned ? [captioned.captions, [...captioned.concepts]] : []
    hash.update(`${JSON.stringify([id, words ? [...words] : null, ...learned])}\n`)
  }
  return hash.digest('hex')
}
