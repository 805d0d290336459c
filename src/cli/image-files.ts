import { readdir, stat } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { UserError } from '../errors.ts'

/** HEIC and SVG among them, which cannot be decoded: they are refused by name instead of being passed over. */
const IMAGE = /\.(jpe?g|jpe|jfif|png|webp|gif|tiff?|avif|hei[cf]|svg)$/i
/** Hidden files and folders: thumbnails, and what macOS leaves beside files. */
const HIDDEN = /(^|[\\/])\./

/**
 * The pictures that arguments mean: a file itself, whatever its name, and whether it is there or not; of a folder the pictures in it and below, by name; of a pattern such as
 * `photos/*.jpg`, quoted from the shell, all that fit it; of `-` the bytes on standard input.
 * Throws UserError for a folder without pictures and a pattern that nothing fits.
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
  const images = names.filter((name) => IMAGE.test(name) && !HIDDEN.test(name)).sort()
  if (images.length === 0)
    throw new UserError(`Cannot caption folder "${path}": it has no pictures (JPEG, PNG, WebP, ...)`)
  return images.map((name) => join(path, name))
}

async function matching(pattern: string): Promise<string[]> {
  const { glob, isDynamicPattern } = await import('tinyglobby')
  if (!isDynamicPattern(pattern)) return [pattern] // a missing file, which is refused as a broken one is
  const found = await glob(pattern, { expandDirectories: false, absolute: isAbsolute(pattern) })
  if (found.length > 0) return found.sort()
  throw new UserError(`Cannot find pictures in "${pattern}": no file fits that pattern`)
}
