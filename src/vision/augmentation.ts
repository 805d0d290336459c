import type { Crop } from '../engine/pictures.ts'
import { sha256 } from '../formats/sha256.ts'
import { Random } from '../random.ts'

/** The fraction of a side that a crop keeps: 224 of 256 pixels, as published. */
const KEPT = 224 / 256

/** The id under which an image's augmentation is stored; augmentation 0 is the image as it is. */
export const augmentedId = (id: string, augmentation: number): string =>
  augmentation === 0 ? id : `${id}#view-${augmentation}`

/**
 * An image and `count` crops of it to train on: 7/8 of its width and height at a random place, every other one
 * mirrored. The published code draws new ones at every step; here they are a function of the image's id and the
 * crop's number, so that their features can be stored.
 */
export async function withAugmentations<Image extends { readonly id: string }>(
  image: Image,
  count: number,
): Promise<(Image & { readonly crop?: Crop })[]> {
  if (count === 0) return [image]
  const seed = firstWord(await sha256(new TextEncoder().encode(image.id)))
  return Array.from({ length: count + 1 }, (_, number) =>
    number === 0 ? image : { ...image, id: augmentedId(image.id, number), crop: cropOf(seed, number) },
  )
}

/** The first four bytes of a hexadecimal digest as a little-endian number. */
const firstWord = (digest: string): number =>
  [0, 1, 2, 3].reduce((sum, byte) => sum + Number.parseInt(digest.slice(2 * byte, 2 * byte + 2), 16) * 256 ** byte, 0)

function cropOf(seed: number, number: number): Crop {
  const random = new Random(seed, number)
  const [left, top] = [random.uniform() * (1 - KEPT), random.uniform() * (1 - KEPT)]
  return { left, top, width: KEPT, height: KEPT, mirrored: number % 2 === 1 }
}
