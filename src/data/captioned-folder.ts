import { stat } from 'node:fs/promises'
import { join, posix, resolve, win32 } from 'node:path'
import { UserError } from '../errors.ts'
import { Random } from '../random.ts'
import { captionTokens } from '../text/ptb.ts'
import { counted } from '../wording.ts'
import { firstExisting, skipMissing } from './folders.ts'
import { type Input, readInput } from './input.ts'
import type { Source, Split } from './source.ts'

/** Options of readCaptionedFolder(). */
export interface CaptionedFolderOptions {
  /** The folder of the images and the captions file. */
  readonly root: string
  /** The captions file, if it is elsewhere or has another name. */
  readonly file?: string | undefined
}

/** File names of captions files, in order of preference. */
const NAMES = ['captions.tsv', 'captions.txt', 'metadata.jsonl']

/** The fraction of images in `val`, and in `test`; at least one image each. */
const HELD_OUT = 0.1

/**
 * Reads a folder of images with a captions file: lines `picture.jpg<TAB>caption`, one per caption, or JSON lines
 * `{"file_name": "picture.jpg", "text": "caption"}`, as Hugging Face's imagefolder has them. File names are relative to
 * the folder. The images are split at random, 8 : 1 : 1, in a reproducible way. Only images that exist and have a
 * caption with words are split, so that no split is empty. Throws UserError for a line in another format, for a name
 * outside the folder, and for fewer than three such images.
 */
export async function readCaptionedFolder({ root: given, file }: CaptionedFolderOptions): Promise<Source> {
  const root = resolve(given)
  await checkFolder(root)
  const path = file === undefined ? join(root, await findCaptions(root)) : resolve(file)
  const input = await readInput(path)
  const captions = path.endsWith('.jsonl') ? parseJsonLines(input, path, root) : parseTabs(input, path, root)
  if (captions.size === 0) throw tooFew(path, 'it names 0 pictures')
  const source = await skipMissing({
    name: posix.basename(root.replaceAll('\\', '/')),
    imageRoot: root,
    files: [input.file],
    images: [...captions].sort(([a], [b]) => (a < b ? -1 : 1)).map(([file, texts]) => ({ file, captions: texts })),
    problems: [],
  })
  const usable = source.images.filter((image) => image.captions.some(hasWords))
  if (usable.length < 3) {
    const which =
      usable.length === captions.size
        ? ''
        : `, of which ${usable.length} ${usable.length === 1 ? 'exists and has' : 'exist and have'} a caption`
    throw tooFew(path, `it names ${counted(captions.size, 'picture')}${which}`)
  }
  const splits = randomSplits(usable.length)
  const splitOf = new Map(usable.map((image, i) => [image, splits[i]!]))
  const images = source.images.map((image) => ({
    id: image.file.replace(/\.[^./]+$/, ''),
    split: splitOf.get(image) ?? 'train', // images without words: prepare() skips and reports them
    ...image,
  }))
  return { ...source, images }
}

const tooFew = (path: string, names: string): UserError =>
  new UserError(`Cannot prepare "${path}": ${names}; a data set needs 3 or more, for training, validation and test`)

const hasWords = (caption: string): boolean => captionTokens(caption).length > 0

async function checkFolder(root: string): Promise<void> {
  const found = await stat(root).catch(() => undefined)
  if (found?.isDirectory()) return
  throw new UserError(
    `Cannot prepare the folder "${root}": ${found ? 'it is a file' : 'there is no such folder'}; ` +
      'give the folder of the pictures with --root',
  )
}

async function findCaptions(root: string): Promise<string> {
  const found = await firstExisting(root, NAMES)
  if (found !== undefined) return found
  throw new UserError(
    `Cannot find captions in "${root}": it has none of ${NAMES.join(', ')}; ` +
      `write lines "picture.jpg<TAB>caption" into ${NAMES[0]}, or give the file with --file`,
  )
}

/** The line format of a captions file. */
interface LineFormat {
  /** Returns file name and caption, or undefined for a line in another format. */
  readonly parse: (line: string) => readonly [string, string] | undefined
  /** The format in words. */
  readonly form: string
  /** An optional header line. */
  readonly header?: RegExp
}

/** Returns a function that parses a captions file to the captions of each image, by file name. */
const parserOf =
  ({ parse, form, header }: LineFormat) =>
  ({ text }: Input, path: string, root: string): Map<string, string[]> => {
    const captions = new Map<string, string[]>()
    for (const [index, line] of text.split(/\r?\n/).entries()) {
      if (line.trim() === '' || (captions.size === 0 && header?.test(line))) continue
      const pair = parse(line)
      const [place, start] = [`Cannot read "${path}": line ${index + 1}`, JSON.stringify(line.slice(0, 60))]
      if (!pair) throw new UserError(`${place} is ${start} and should be ${form}`)
      const name = posix.normalize(pair[0].replaceAll('\\', '/'))
      if (isOutside(name))
        throw new UserError(
          `${place} names ${JSON.stringify(pair[0])}, which is outside of "${root}"; ` +
            'give names relative to that folder, or another folder with --root',
        )
      const known = captions.get(name)
      if (known) known.push(pair[1])
      else captions.set(name, [pair[1]])
    }
    return captions
  }

/** Whether a normalised name is absolute, on any operating system, or leaves its folder. */
const isOutside = (name: string): boolean => /^\.\.?(\/|$)/.test(name) || win32.isAbsolute(name)

const parseTabs = parserOf({
  parse: (line) => {
    const tab = line.indexOf('\t')
    const name = line.slice(0, Math.max(tab, 0)).trim()
    return name === '' ? undefined : [name, line.slice(tab + 1)]
  },
  form: 'a picture, a tab and a caption',
  header: /^\s*(image|file_name)\s*\t\s*caption\s*$/i,
})

const parseJsonLines = parserOf({
  parse: (line) => {
    try {
      const { file_name: name, text } = JSON.parse(line) as Record<string, unknown>
      return typeof name === 'string' && name !== '' && typeof text === 'string' ? [name, text] : undefined
    } catch {
      return undefined
    }
  },
  form: '{"file_name": "picture.jpg", "text": "caption"}',
})

/** The splits of `count` images, shuffled with a fixed seed. */
function randomSplits(count: number): Split[] {
  const heldOut = Math.max(1, Math.round(HELD_OUT * count))
  const splits = Array.from(
    { length: count },
    (_, i): Split => (i < heldOut ? 'val' : i < 2 * heldOut ? 'test' : 'train'),
  )
  return new Random(0, 0).shuffle(splits)
}
