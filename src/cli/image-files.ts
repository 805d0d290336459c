import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../errors.ts'

const IMAGE = /\.(jpe?g|png|webp|gif|tiff?|avif)$/i

/**
 * The files that paths mean: a file itself, whatever its name, and of a folder the pictures in it and below, by name.
 * Throws UserError for a path that is not there and a folder without pictures.
 */
export async function findImages(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(paths.map(expand))
  return found.flat()
}

async function expand(path: string): Promise<string[]> {
  const there = await stat(path).catch(() => undefined)
  if (!there) throw new UserError(`Cannot find pictures in "${path}": there is no such file or folder`)
  if (!there.isDirectory()) return [path]
  const names = await readdir(path, { recursive: true })
  const images = names.filter((name) => IMAGE.test(name)).sort()
  if (images.length === 0)
    throw new UserError(`Cannot caption folder "${path}": it has no pictures (JPEG, PNG, WebP, ...)`)
  return images.map((name) => join(path, name))
}
