import { readdir, stat } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { UserError } from '../errors.ts'

const IMAGE = /\.(jpe?g|png|webp|gif|tiff?|avif)$/i

/**
 * The pictures that arguments mean: a file itself, whatever its name; of a folder the pictures in it and below, by name; of a pattern such as
 * `photos/*.jpg`, quoted from the shell, all that fit it; of `-` the bytes on standard input. Throws UserError for what is not there, a folder without pictures, and a pattern that nothing fits.
 */
export async function findImages(paths: readonly string[]): Promise<(string | Uint8Array)[]> {
  const found = await Promise.all(paths.map(expand))
  return found.flat()
}

async function expand(path: string): Promise<(string | Uint8Array)[]> {
  if (path === '-') return [await buffer(process.stdin)]
  const there = await stat(path).catch(() => undefined)
  if (!there) return matching(path)
  if (!there.isDirectory()) return [path]
  const names = await readdir(path, { recursive: true })
  const images = names.filter((name) => IMAGE.test(name)).sort()
  if (images.length === 0)
    throw new UserError(`Cannot caption folder "${path}": it has no pictures (JPEG, PNG, WebP, ...)`)
  return images.map((name) => join(path, name))
}

async function matching(pattern: string): Promise<string[]> {
  const { glob, isDynamicPattern } = await import('tinyglobby')
  const isPattern = isDynamicPattern(pattern)
  const found = isPattern ? await glob(pattern, { expandDirectories: false, absolute: isAbsolute(pattern) }) : []
  if (found.length > 0) return found.sort()
  throw new UserError(
    `Cannot find pictures in "${pattern}": ${isPattern ? 'no file fits that pattern' : 'there is no such file or folder'}`,
  )
}
