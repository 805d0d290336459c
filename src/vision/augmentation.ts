import { createHash } from 'node:crypto'
import { Random } from '../random.ts'

/** A part of a picture, mirrored or not: left and top edge, width and height in parts of the picture's. */
export interface Augmentation {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
  readonly mirrored: boolean
}

/** The part of a side that a crop keeps: 224 of 256 pixels, as published. */
const KEPT = 224 / 256

/** The name under which a picture's augmentation is stored; augmentation 0 is the picture as it is. */
export const augmentedId = (id: string, augmentation: number): string =>
  augmentation === 0 ? id : `${id}#view-${augmentation}`

/**
 * A picture and `count` augmentations of it to train on, as the published code draws them anew at every step: 7/8 of its width and height at a random place, every other one
 * mirrored. They are a function of the picture's id and the augmentation's number, so that features of them can be stored.
 */
export const withAugmentations = <Image extends { readonly id: string }>(
  image: Image,
  count: number,
): (Image & { readonly augmentation?: Augmentation })[] =>
  Array.from({ length: count + 1 }, (_, augmentation) =>
    augmentation === 0
      ? image
      : { ...image, id: augmentedId(image.id, augmentation), augmentation: augmentationOf(image.id, augmentation) },
  )

function augmentationOf(id: string, number: number): Augmentation {
  const random = new Random(createHash('sha256').update(id).digest().readUInt32LE(), number)
  const [left, top] = [random.uniform() * (1 - KEPT), random.uniform() * (1 - KEPT)]
  return { left, top, width: KEPT, height: KEPT, mirrored: number % 2 === 1 }
}
