import { stat } from 'node:fs/promises'
import type { CaptionAllOptions } from '../caption/caption-options.ts'
import type { Captioner } from '../caption/captioner.ts'
import type { SkippedImage } from '../caption/photo-reader.ts'
import { type CaptionFormat, imageId } from '../disk/caption-layouts.ts'
import { type CaptionWriter, defaultCaptionsFile, openCaptionWriter } from '../disk/caption-writer.ts'
import { UsageError } from '../errors.ts'
import { counted, thousands } from '../wording.ts'
import type { FoundImages } from './image-files.ts'
import type { Answer } from './output.ts'
import type { Reporter } from './reporter.ts'
import { warnSkipped } from './skipped.ts'

/** What `mia caption --write` was asked. */
export interface WriteOptions extends CaptionAllOptions {
  readonly format: CaptionFormat
  /** the file; undefined for `txt` */
  readonly out: string | undefined
  readonly skipExisting: boolean
  /** text before each caption */
  readonly prefix: string
}

/**
 * The format and the file that options ask for: without a format that of the file's ending, without a file
 * `captions.csv` and so on in the only folder, else in the working folder; undefined if nothing is to be written.
 * Throws UsageError for a contradiction.
 */
export async function whereToWrite(
  { write, out, skipExisting }: { write?: CaptionFormat | undefined; out?: string | undefined; skipExisting: boolean },
  paths: readonly string[],
): Promise<Pick<WriteOptions, 'format' | 'out'> | undefined> {
  const ending = /\.(csv|jsonl|json)$/i.exec(out ?? '')?.[1]?.toLowerCase()
  const format = write ?? (ending === 'json' ? 'coco' : (ending as CaptionFormat | undefined))
  if (format === undefined) {
    if (out !== undefined)
      throw new UsageError(`Cannot write captions to "${out}": say the format, as in --write csv; or end it in .csv`)
    if (skipExisting) throw new UsageError('Cannot use --skip-existing without --write: nothing is written')
    return undefined
  }
  if (format !== 'txt') {
    const [only = '.', ...others] = paths
    const inFolder = others.length === 0 && (await stat(only).catch(() => undefined))?.isDirectory()
    return { format, out: out ?? defaultCaptionsFile(format, inFolder ? only : '.') }
  }
  if (out !== undefined)
    throw new UsageError('Cannot use --out with --write txt: each caption is written next to its image')
  return { format, out: undefined }
}

/**
 * Captions images and writes each caption as soon as it is made. Images that have a caption are not captioned again.
 */
export async function writeCaptions(
  captioner: Pick<Captioner, 'captionEach'>,
  { leftOut, ...found }: FoundImages,
  { format, out, skipExisting, prefix, ...options }: WriteOptions,
  report: Reporter,
): Promise<Answer> {
  const writer = await openCaptionWriter(format, { out: out ?? '', skipExisting })
  const where = out === undefined ? 'text files next to the images' : `"${out}"`
  let written = 0
  try {
    const { todo, kept, skipped } = choose(writer, found, format)
    const pictures = todo.map((index) => found.images[index]!)
    for await (const each of captioner.captionEach(pictures, options)) {
      const { image, index, ...result } = found.named({ ...each, index: todo[each.index]! })
      if ('reason' in result) skipped.push({ image, index, reason: result.reason })
      else {
        const { caption, confidence, concepts } = result
        const words = concepts.map(({ word }) => word)
        const alternatives = result.alternatives.map((other) => prefix + other.caption)
        await writer.write({ image, caption: prefix + caption, confidence, alternatives, concepts: words })
        written += 1
      }
    }
    skipped.sort((a, b) => a.index - b.index)
    warnSkipped(report, skipped)
    const total = `${counted(written + kept, 'caption')} in ${where}, ${thousands(written)} of them new`
    return {
      json: { format, ...(out !== undefined && { out }), written, kept, skipped },
      text: skipped.length > 0 ? `${total}; ${counted(skipped.length, 'image')} skipped` : total,
      failed: !skipped.every(leftOut),
    }
  } catch (error) {
    if (options.signal?.aborted)
      report.note(`${counted(written, 'new caption')} in ${where}; add --skip-existing to the command to resume`)
    throw error
  } finally {
    await writer.close()
  }
}

/** The indices of the images to caption, how many have a caption, and the images that cannot have one of their own. */
function choose(
  writer: CaptionWriter,
  { images, skipped: unreadable, named }: Omit<FoundImages, 'leftOut'>,
  format: CaptionFormat,
): { todo: number[]; kept: number; skipped: SkippedImage[] } {
  const todo: number[] = []
  const skipped = [...unreadable]
  const owners = new Map<string, string>() // by key, the image
  let kept = 0
  for (const [index, input] of images.entries()) {
    const found = named({ image: '', index })
    const { image } = found
    const key = writer.key(image)
    const owner = owners.get(key)
    if (format === 'txt' && typeof input !== 'string')
      skipped.push({ ...found, reason: 'it has no file to write the caption next to; use --write jsonl' })
    else if (owner === image)
      continue // the same image twice
    else if (owner !== undefined) {
      const place = format === 'txt' ? `caption would be in "${key}"` : `image id would be ${imageId(image)}`
      skipped.push({ ...found, reason: `its ${place}, like that of ${owner}; rename one of them` })
    } else {
      owners.set(key, image)
      if (writer.has(key)) kept += 1
      else todo.push(index)
    }
  }
  return { todo, kept, skipped }
}
