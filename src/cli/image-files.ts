import { stat } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { addAbortSignal, type Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { NamedImage, SkippedImage } from '../caption/photo-reader.ts'
import { MAX_IMAGE_BYTES } from '../engine/pictures.ts'
import { UserError } from '../errors.ts'
import { type Entry, imagesBelow, NOT_UTF8 } from './image-folder.ts'
import { shellQuoted } from './output.ts'

/** Characters of a data URL that a message shows. */
const SHOWN = 30

/** The images that arguments name. */
export interface FoundImages {
  /** the images to read: paths, and the bytes of standard input */
  readonly images: readonly (string | Uint8Array)[]
  /** files and folders that cannot be read at all */
  readonly skipped: readonly SkippedImage[]
  /** Whether a skipped image has a format that is not read and was not asked for by name, but found in a folder. */
  leftOut(skipped: SkippedImage): boolean
  /** A result for one of `images`, with its name and its index among all that was found, skipped ones included. */
  named<T extends NamedImage>(result: T): T
}

/** Where standard input comes from, and what stops reading it. */
export interface FindOptions {
  readonly stdin?: Readable & { readonly isTTY?: boolean }
  readonly signal?: AbortSignal
  /** also the images in the folders below a folder; true by default */
  readonly recursive?: boolean
}

/**
 * Finds the images that arguments name: a file, whether it can be read or not; the images in a folder and below, sorted
 * by path; all files that match a quoted pattern such as `photos/*.jpg`; the file of a `file:` URL; for `-` the bytes
 * of standard input. Skips hidden files. Throws UserError for a folder without images, a pattern without matches and a
 * URL of another kind.
 */
export async function findImages(paths: readonly string[], options: FindOptions = {}): Promise<FoundImages> {
  const found: Entry[] = []
  for (const path of paths) for (const entry of await expand(path, options)) found.push(entry)
  const readable = [...found.entries()].filter(([, { image }]) => image !== undefined)
  return {
    images: readable.map(([, { image }]) => image!),
    skipped: found.flatMap(({ name, reason }, index) => (reason === undefined ? [] : [{ image: name, index, reason }])),
    leftOut: ({ index }) => found[index]!.leftOut ?? false,
    named: (result) => {
      const [index, { name }] = readable[result.index]!
      return { ...result, image: name, index }
    },
  }
}

async function expand(path: string, { stdin = process.stdin, ...options }: FindOptions): Promise<Entry[]> {
  if (path === '-') return [await readStdin(stdin, options.signal)]
  const there = await stat(path).catch(() => undefined)
  if (there?.isDirectory()) return imagesBelow(path, options)
  if (there) return [{ name: path, image: path }]
  return /^([a-z][a-z\d+.-]+:\/\/|data:|file:)/i.test(path) ? ofUrl(path, options) : matching(path)
}

/** The images at a `file:` URL. Throws UserError, saying what to do, for any other URL. */
async function ofUrl(url: string, options: FindOptions): Promise<Entry[]> {
  if (/^data:/i.test(url))
    throw new UserError(
      `Cannot read "${url.slice(0, SHOWN)}${url.length > SHOWN ? '...' : ''}": it is a data URL; ` +
        'decode the part after the comma to a file, as in base64 -d < text > photo.jpg, and give that file',
    )
  if (!/^file:/i.test(url)) {
    const name = /\/([\w.-]+\.\w+)(?:[?#].*)?$/.exec(url.replace(/^\w+:\/\/[^/]*/, ''))?.[1] ?? 'photo.jpg'
    const how = /^(https?|ftp):/i.test(url) ? `curl -L -o ${name} ${shellQuoted(url)}` : 'with the tools of that store'
    throw new UserError(`Cannot read "${url}": it is not a file of this machine; download it first: ${how}`)
  }
  let path: string
  try {
    path = fileURLToPath(url)
  } catch {
    throw new UserError(`Cannot read "${url}": it is not a file of this machine; give the path of the file`)
  }
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false
  return isFolder ? imagesBelow(path, options) : [{ name: path, image: path }]
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
    if (length > MAX_IMAGE_BYTES) return { name, reason: 'it has more than 512 MiB; an image may have 512 MiB' }
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
