import { type CaptionedImage, type CaptionFile, readReferences } from '../annotations/captions.ts'
import { asAnnotationFile } from '../annotations/file.ts'
import { refuse } from '../annotations/refuse.ts'
import { UserError } from '../errors.ts'
import { KARPATHY_SPLITS } from '../text/karpathy-splits.ts'

/** By image id as text: an image with its references. */
export type ImagesById = ReadonlyMap<string, CaptionedImage>

const SPLITS: ReadonlyMap<string | undefined, string> = new Map(Object.entries(KARPATHY_SPLITS))

/** Whether a file has the split of every image: Karpathy's file, or a table with a column `split`. */
export function hasSplits({ form, images }: CaptionFile): boolean {
  return form.startsWith('Karpathy') || [...images.values()].every(({ split }) => SPLITS.has(split))
}

/**
 * The images of one split of a file of references; all images of a file without splits. Without `split`, it is the
 * split of the first of the `asked` ids that the file has. Throws UserError for a split that the file does not have.
 */
export function imagesOfSplit(file: CaptionFile, asked: Iterable<string>, split?: string): ImagesById {
  if (!hasSplits(file)) return file.images
  const { name, images } = file
  const unknown = [...images.values()].filter((image) => !SPLITS.has(image.split)).map(({ id }) => id)
  refuse(`read ${name}`, unknown, 'image', 'without split train, restval, val or test', 'give each image a split')
  const chosen = split ?? splitOf(images, asked)
  const chosenImages = new Map([...images].filter(([, image]) => SPLITS.get(image.split) === chosen))
  if (chosenImages.size > 0) return chosenImages
  const splits = new Set([...images.values()].map((image) => SPLITS.get(image.split)!))
  throw new UserError(`Cannot read ${name}: it has no split "${chosen}"; choose one of ${[...splits].join(', ')}`)
}

/** The split of the first asked image that the file has. */
function splitOf(images: ImagesById, asked: Iterable<string>): string | undefined {
  for (const id of asked) {
    const image = images.get(id)
    if (image) return SPLITS.get(image.split)
  }
  return undefined
}

/**
 * The captions of the images of one split in a references file, parsed JSON or an AnnotationFile; `what` names it in
 * errors. Images without captions are left out. Throws UserError as readReferences() and imagesOfSplit() do.
 */
export function captionsOfSplit(json: unknown, what: string, split: string): readonly (readonly string[])[] {
  const images = imagesOfSplit(readReferences(asAnnotationFile(json, what)), [], split)
  return [...images.values()].map(({ captions }) => captions).filter(({ length }) => length > 0)
}
