import { readdir, stat } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { UserError } from '../errors.ts'
import { counted, firstFew } from '../wording.ts'
import type { CaptionedImage, Source } from './source.ts'

/** A source whose images may not have a split yet. */
type SourceOf<Image> = Omit<Source, 'images'> & { readonly images: readonly Image[] }

/** The first of the paths below `root` that exists, or undefined. */
export async function firstExisting(root: string, paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const found = await stat(join(root, path)).catch(() => undefined)
    if (found) return path
  }
  return undefined
}

/**
 * The source without the images that are not on disk, which its problems then list. Throws UserError if all are
 * missing, because then the folder is wrong.
 */
export async function skipMissing<Image extends Pick<CaptionedImage, 'file'>>(
  source: SourceOf<Image>,
): Promise<SourceOf<Image>> {
  const { imageRoot, images } = source
  const onDisk = await listFiles(imageRoot, new Set(images.map(({ file }) => posix.dirname(file))))
  const missing = images.filter(({ file }) => !onDisk.has(file)).map(({ file }) => file)
  if (missing.length === 0) return source
  if (missing.length === images.length) {
    throw new UserError(
      `Cannot prepare ${source.name}: none of its ${counted(images.length, 'image')} is under "${imageRoot}" ` +
        `(${firstFew(missing)}); give the folder of the images`,
    )
  }
  const kept = images.filter(({ file }) => onDisk.has(file))
  const problem = `${counted(missing.length, 'image')} skipped, not under "${imageRoot}": ${firstFew(missing)}`
  return { ...source, images: kept, problems: [...source.problems, problem] }
}

/** The files of folders under `root`. Listing a folder once is far faster than checking each of 123,000 files. */
export async function listFiles(root: string, folders: ReadonlySet<string>): Promise<Set<string>> {
  const files = new Set<string>()
  for (const folder of folders) {
    const names = await readdir(join(root, folder)).catch(() => [])
    for (const name of names) files.add(posix.join(folder, name))
  }
  return files
}
