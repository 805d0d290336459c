import { posix, win32 } from 'node:path'

/** Endings of picture files, those included that cannot be decoded: their names are still recognised. */
const PICTURE = /\.(jpe?g|png|webp|gif|bmp|tiff?|avif|hei[cf]|jxl|jp2)$/i

/** Whether a name has the ending of a picture. */
export const isPictureName = (name: string): boolean => PICTURE.test(name)

/** A path without the ending of a picture; other dots stay. */
export const withoutEnding = (path: string): string => path.replace(PICTURE, '')

/**
 * A path of a dataset, relative and with slashes: `train2017\1.jpg` becomes `train2017/1.jpg`. Undefined for a path
 * that is absolute on any operating system or that leaves its folder.
 */
export function relativePath(name: string): string | undefined {
  const path = posix.normalize(name.trim().replaceAll('\\', '/'))
  return /^\.\.?(\/|$)/.test(path) || win32.isAbsolute(path) ? undefined : path
}

/**
 * The image id in a file name of COCO, by which an image has the same name in both releases:
 * `COCO_val2014_000000391895.jpg` and `000000391895.jpg`. Undefined for other names.
 */
export const cocoNumber = (path: string): string | undefined =>
  /^(?:COCO_(?:train|val|test)\d{4}_)?(\d{12})$/.exec(withoutEnding(posix.basename(path)))?.[1]
