import { join, posix, resolve } from 'node:path'
import { UserError } from '../errors.ts'
import { counted, firstFew } from '../wording.ts'
import { firstExisting } from './folders.ts'
import { readJsonInput } from './input.ts'
import { relativePath } from './picture-names.ts'
import type { Row } from './rows.ts'
import type { CaptionedImage, Source, SourceFile, Split } from './source.ts'

/** The release of the annotation files. */
export type CocoYear = 2014 | 2017

/** Options of readCoco(). */
export interface CocoOptions {
  /** The folder of the annotation files, or the folder with `annotations/`. */
  readonly root: string
  /** The folder of the image folders, such as `train2017`, or of the images, if they are not below `root`. */
  readonly images?: string | undefined
  /** Required only if `root` has the annotations of both years. */
  readonly year?: CocoYear | undefined
}

/** An annotation file. */
interface Annotations {
  readonly split: Split
  /** As in `train2017`: the suffix of the file name, and the name of the image folder. */
  readonly part: string
  readonly path: string
}

/** Where annotations are, by the name of a part: COCO's own place, and without the folder. */
const placesOf = (name: string): readonly string[] => [`annotations/${name}`, name]

/**
 * Reads the official COCO caption annotations of 2014 or 2017 (Chen et al., 2015): train, val or both; they have no
 * test split. Where there are none, reads `train.json` and `val.json` of the same form, as VizWiz has them. Throws
 * UserError if there is no annotation file, if there are files of both years and no `year`, and, with file and field,
 * for a file in another format.
 */
export async function readCoco({ root: given, images, year }: CocoOptions): Promise<Source> {
  const root = resolve(given)
  const found = await findAnnotations(root, year)
  const imageRoot = images === undefined ? root : resolve(images)
  const release = /\d{4}$/.exec(found[0]!.part)?.[0]
  const problems = (['train', 'val'] as const)
    .filter((split) => !found.some((annotations) => annotations.split === split))
    .map((split) => {
      const name = release === undefined ? `${split}.json` : `captions_${split}${release}.json`
      return `no ${split} split: ${name} is missing under "${root}"`
    })
  const files: SourceFile[] = []
  const all: CaptionedImage[] = []
  for (const { split, part, path } of found) {
    const below = images === undefined ? [part, `images/${part}`] : [part, '.']
    const folder = (await firstExisting(imageRoot, below)) ?? part
    const { top, file } = await readJsonInput(path)
    files.push(file)
    for (const image of parseAnnotations(top, split, folder, problems)) all.push(image)
  }
  return { name: `coco${release ?? ''}`, imageRoot, files, images: all, problems }
}

async function findAnnotations(root: string, year: CocoYear | undefined): Promise<Annotations[]> {
  const found: Annotations[] = []
  for (const split of ['train', 'val'] as const) {
    for (const each of year === undefined ? [2014, 2017] : [year]) {
      const part = `${split}${each}`
      const place = await firstExisting(root, placesOf(`captions_${part}.json`))
      if (place) found.push({ split, part, path: join(root, place) })
    }
  }
  if (new Set(found.map(({ part }) => part.slice(-4))).size > 1) {
    throw new UserError(
      `Cannot read COCO in "${root}": it has the annotations of 2014 and of 2017; choose one with --year`,
    )
  }
  if (found.length === 0 && year === undefined)
    for (const split of ['train', 'val'] as const) {
      const place = await firstExisting(root, placesOf(`${split}.json`))
      if (place) found.push({ split, part: split, path: join(root, place) })
    }
  if (found.length === 0) {
    throw new UserError(
      `Cannot read COCO in "${root}": there is no captions_train${year ?? 2017}.json ` +
        `or captions_val${year ?? 2017}.json in it or in its annotations/; give the folder that has one`,
    )
  }
  return found
}

/**
 * The images of an annotation file. Captions that VizWiz marks as rejected or pre-canned are left out, as its own
 * evaluation does. `folder` is where file names without a folder are; others start at the folder of the images.
 */
function parseAnnotations(top: Row, split: Split, folder: string, problems: string[]): CaptionedImage[] {
  const images = new Map<string, CaptionedImage & { readonly captions: string[] }>()
  for (const row of top.rows('images')) {
    const id = row.id('id')
    if (images.has(id)) row.wrong('id', 'different from the ids of other images')
    const name = relativePath(row.text('file_name'))
    if (name === undefined) return row.wrong('file_name', 'a path below the folder of the images')
    images.set(id, { id, file: name.includes('/') ? name : posix.join(folder, name), split, captions: [] })
  }
  const strays: string[] = []
  let rejected = 0
  for (const row of top.rows('annotations')) {
    const id = row.id('image_id')
    const image = images.get(id)
    if (row.isTrue('is_rejected') || row.isTrue('is_precanned')) rejected += 1
    else if (image) image.captions.push(row.textOrNull('caption'))
    else strays.push(id)
  }
  if (rejected > 0) problems.push(`${counted(rejected, `${split} caption`)} skipped, marked as rejected or pre-canned`)
  if (strays.length > 0) {
    problems.push(
      `${counted(strays.length, `${split} caption`)} skipped, of images not in the file: ${firstFew(strays)}`,
    )
  }
  return [...images.values()]
}
