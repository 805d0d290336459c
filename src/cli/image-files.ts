import { stat } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { addAbortSignal, type Readable } from 'node:stream'
import type { NamedImage, SkippedImage } from '../caption/photo-reader.ts'
import { UserError } from '../errors.ts'
import { type Entry, imagesBelow, NOT_UTF8 } from './image-folder.ts'

/** The most bytes of standard input, as of a file: 512 MiB. */
const MAX_STDIN_BYTES = 2 ** 29

/** The images that arguments name. */
export interface FoundImages {
  /** the images to read: paths, and the bytes of standard input */
  readonly images: readonly (string | Uint8Array)[]
  /** files and folders that cannot be read at all */
  readonly skipped: readonly SkippedImage[]
  /** A result for one of `images`, with its name and its index among all that was found, skipped ones included. */
  named<T extends NamedImage>(result: T): T
}

/** Where standard input comes from, and what stops reading it. */
export interface FindOptions {
  readonly stdin?: Readable & { readonly isTTY?: boolean }
  readonly signal?: AbortSignal
}

/**
 * Finds the images that arguments name: a file, whether it can be read or not; the images in a folder and below, sorted
 * by path; all files that match a quoted pattern such as `photos/*.jpg`; for `-` the bytes of standard input. Skips
 * hidden files. Throws UserError for a folder without images and a pattern without matches.
 */
export async function findImages(paths: readonly string[], options: FindOptions = {}): Promise<FoundImages> {
  const found: Entry[] = []
  for (const path of paths) for (const entry of await expand(path, options)) found.push(entry)
  const readable = [...found.entries()].filter(([, { image }]) => image !== undefined)
  return {
    images: readable.map(([, { image }]) => image!),
    skipped: found.flatMap(({ name, reason }, index) => (reason === undefined ? [] : [{ image: name, index, reason }])),
    named: (result) => {
      const [index, { name }] = readable[result.index]!
      return { ...result, image: name, index }
    },
  }
}

async function expand(path: string, { stdin = process.stdin, signal }: FindOptions): Promise<Entry[]> {
  if (path === '-') return [await readStdin(stdin, signal)]
  const there = await stat(path).catch(() => undefined)
  if (there?.isDirectory()) return imagesBelow(path, signal)
  return there ? [{ name: path, image: path }] : matching(path)
}

async function readStdin(stdin: NonNullable<FindOptions['stdin']>, signal?: AbortSignal): Promise<Entry> {
  const name = 'standard input'
  if (stdin.isTTY)
    throw new UserError('Cannot read an image from the terminal; redirect a file, as in mia caption - < photo.jpg')
  if (signal) addAbortSignal(signal, stdin)
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of stdin) {
    length += chunk.length
    if (length > MAX_STDIN_BYTES) return { name, reason: 'it has more than 512 MiB; an image may have 512 MiB' }
    chunks.push(chunk)
  }
  return { name, image: Buffer.concat(chunks, length) }
}

async function matching(pattern: string): Promise<Entry[]> {
  const { glob, isDynamicPattern } = await import('tinyglobby')
  if (!isDynamicPattern(pattern)) {
    // Node replaces what is not UTF-8 in an argument, so the file cannot be opened by it.
    if (pattern.includes('\ufffd')) return [{ name: pattern, reason: NOT_UTF8 }]
    return [{ name: pattern, image: pattern }] // there is no such file: the reader says so
  }
  const found = await glob(pattern, {
    expandDirectories: false,
    absolute: isAbsolute(pattern),
    followSymbolicLinks: !pattern.includes('**'), // as bash does: ** could go round in loops of links
  })
  if (found.length > 0) return found.sort().map((path) => ({ name: path, image: path }))
  throw new UserError(`Cannot find images "${pattern}": no file matches this pattern`)
}
