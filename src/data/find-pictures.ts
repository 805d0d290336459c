import { posix } from 'node:path'
import { visible } from '../annotations/visible.ts'
import { UserError } from '../errors.ts'
import { counted, firstFew } from '../wording.ts'
import { listFiles, listTree } from './folders.ts'
import { cocoNumber, isPictureName, withoutEnding } from './picture-names.ts'
import type { CaptionedImage, Source } from './source.ts'

/** A source whose images may not have a split yet. */
type SourceOf<Image> = Omit<Source, 'images'> & { readonly images: readonly Image[] }
type Named = Pick<CaptionedImage, 'file'>

/** Folders below the folder of the images that are searched: datasets have two, as in `images/train2017`. */
const DEPTH = 3

/**
 * Ways to recognise a picture under another name, from the most exact one. Each returns the part of a path by which
 * pictures are the same. A difference of folders is allowed where one path is the end of the other.
 */
const WAYS: readonly { readonly key: (path: string) => string | undefined; readonly anyFolder?: true }[] = [
  { key: (path) => path.normalize('NFC') }, // macOS writes accents as characters of their own
  { key: cocoNumber, anyFolder: true }, // the numbers are the same in 2014 and 2017, and no two images share one
  { key: (path) => path.normalize('NFC').toLowerCase() },
  { key: (path) => withoutEnding(path).normalize('NFC').toLowerCase() },
]

/**
 * The source with the files of its images as they are on disk. An image that is not under its name is looked up in the
 * folders around it, under its name of the other COCO release, in other letter case and with another ending; it is used
 * if exactly one picture fits. What was found under another name and what is missing is added to the problems. Throws
 * UserError if all are missing, with what was looked for and what is there; `option` is the option of the folder.
 */
export async function findPictures<Image extends Named>(
  source: SourceOf<Image>,
  option = '--images',
): Promise<SourceOf<Image>> {
  const { imageRoot, images } = source
  const onDisk = await listFiles(imageRoot, new Set(images.map(({ file }) => posix.dirname(file))))
  const missing = images.filter(({ file }) => !onDisk.has(file))
  if (missing.length === 0) return source
  const pictures = (await listTree(imageRoot, DEPTH)).filter(isPictureName)
  const taken = new Set(images.flatMap(({ file }) => (onDisk.has(file) ? [file] : [])))
  const found = matchAll(missing, pictures, taken)
  const lost = missing.filter((image) => !found.has(image)).map(({ file }) => file)
  if (lost.length === images.length) throw noneFound(source, lost, pictures, option)
  const problems = [...source.problems]
  if (found.size > 0) {
    const [[{ file }, path]] = [...found] as [[Image, string]]
    problems.push(
      `${counted(found.size, 'image')} found under another name, as in "${visible(path)}" for "${visible(file)}"`,
    )
  }
  if (lost.length > 0)
    problems.push(`${counted(lost.length, 'image')} skipped, not under "${imageRoot}": ${firstFew(lost)}`)
  const kept = images.flatMap((image) => {
    const path = onDisk.has(image.file) ? image.file : found.get(image)
    return path === undefined ? [] : [path === image.file ? image : { ...image, file: path }]
  })
  return { ...source, images: kept, problems }
}

/** The pictures of images that are not under their names. None in `taken` is used, and none that fits two images. */
function matchAll<Image extends Named>(
  images: readonly Image[],
  pictures: readonly string[],
  taken: ReadonlySet<string>,
): Map<Image, string> {
  const found = new Map<Image, string>()
  const used = new Set(taken)
  for (const { key, anyFolder } of WAYS) {
    const byName = new Map<string, string[]>()
    for (const path of pictures) {
      const name = key(posix.basename(path))
      if (name === undefined || used.has(path)) continue
      const others = byName.get(name)
      if (others) others.push(path)
      else byName.set(name, [path])
    }
    const proposals = new Map<string, Image[]>()
    for (const image of images) {
      const name = found.has(image) ? undefined : key(posix.basename(image.file))
      if (name === undefined) continue
      const fitting = (byName.get(name) ?? []).filter((path) => anyFolder || isEndOf(key(path)!, key(image.file)!))
      if (fitting.length !== 1) continue
      const others = proposals.get(fitting[0]!)
      if (others) others.push(image)
      else proposals.set(fitting[0]!, [image])
    }
    for (const [path, [image, ...others]] of proposals)
      if (others.length === 0) {
        found.set(image!, path)
        used.add(path)
      }
  }
  return found
}

/** Whether one path is the other, or its end below a folder: `1.jpg` and `images/1.jpg`. */
const isEndOf = (a: string, b: string): boolean => a === b || a.endsWith(`/${b}`) || b.endsWith(`/${a}`)

/** Says what was looked for, what is there, and the likely difference. */
function noneFound<Image>(
  { name, imageRoot, files, images }: SourceOf<Image>,
  lost: readonly string[],
  pictures: readonly string[],
  option: string,
): UserError {
  const by = `${firstFew(files.map(({ path }) => `"${visible(path)}"`))} ${files.length === 1 ? 'names' : 'name'}`
  const there =
    pictures.length === 0
      ? 'it has no pictures'
      : `it has ${counted(pictures.length, 'picture')} (${firstFew(pictures.map(visible))})`
  return new UserError(
    `Cannot prepare ${name}: ${by} ${counted(images.length, 'image')}; none is under "${imageRoot}": ` +
      `looked for ${firstFew(lost.map(visible))}; ${there}; ${likelyDifference(lost, pictures, option)}`,
  )
}

function likelyDifference(lost: readonly string[], pictures: readonly string[], option: string): string {
  const byName = new Map(pictures.map((path) => [withoutEnding(posix.basename(path)).toLowerCase(), path]))
  for (const file of lost) {
    const path = byName.get(withoutEnding(posix.basename(file)).toLowerCase())
    if (path === undefined) continue
    const folder = posix.dirname(path)
    return posix.dirname(file) === folder
      ? `"${visible(path)}" fits several names: give each picture one name`
      : `"${visible(file)}" may be in the folder "${visible(folder)}": give the right one with ${option}`
  }
  if (pictures.length > 0 && lost.every((file) => !isPictureName(file)))
    return 'the names have no ending such as .jpg: check which column has the pictures'
  return `give the folder of the images with ${option}`
}
