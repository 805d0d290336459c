import { readLines } from '../disk/files.ts'
import { UserError } from '../errors.ts'
import { type CaptionedImage, SPLITS } from './source.ts'

const ADVICE = 'make the dataset again with "mia prepare"'

/** An image of a prepared dataset. */
export interface ImageEntry extends CaptionedImage {
  /** The tokens of each caption, joined by spaces, in the order of `captions`. */
  readonly tokens: readonly string[]
  /** The name of the dataset it is from, in a dataset that joins several. */
  readonly dataset?: string
}

/** The content of `images.jsonl`, one line per image, in chunks of about 1 MB. */
export function formatImages(images: Iterable<ImageEntry>): Uint8Array[] {
  const chunks: Uint8Array[] = []
  let lines = ''
  for (const { id, file, split, captions, tokens, dataset } of images) {
    lines += `${JSON.stringify({ id, file, split, dataset, captions, tokens })}\n`
    if (lines.length > 1_000_000) {
      chunks.push(Buffer.from(lines))
      lines = ''
    }
  }
  return [...chunks, Buffer.from(lines)]
}

/** Reads `images.jsonl` line by line. Throws UserError, with the line number, for a line that is not an image. */
export async function* readImages(path: string): AsyncGenerator<ImageEntry> {
  let number = 0
  for await (const line of readLines(path, 'dataset')) {
    number += 1
    const image = parseImage(line)
    if (!image) {
      throw new UserError(`Cannot read "${path}": line ${number} is not an image; ${ADVICE}`)
    }
    yield image
  }
}

function parseImage(line: string): ImageEntry | undefined {
  try {
    const image = JSON.parse(line) as ImageEntry
    return isImage(image) ? image : undefined
  } catch {
    return undefined
  }
}

function isImage(value: ImageEntry | null): boolean {
  return (
    typeof value?.id === 'string' &&
    typeof value.file === 'string' &&
    SPLITS.includes(value.split) &&
    (value.dataset === undefined || typeof value.dataset === 'string') &&
    areTexts(value.captions) &&
    areTexts(value.tokens) &&
    value.tokens.length === value.captions.length
  )
}

function areTexts(value: readonly unknown[]): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}
