import { stat } from 'node:fs/promises'
import { join, posix, resolve, win32 } from 'node:path'
import { UserError } from '../errors.ts'
import { Random } from '../random.ts'
import { captionTokens } from '../text/ptb.ts'
import { counted } from '../wording.ts'
import { firstExisting, leaveOutMissing } from './folders.ts'
import { type Input, readInput } from './input.ts'
import type { Source, Split } from './source.ts'

/** `root` holds the pictures and the captions file; `file` is that file, if it is elsewhere or has another name. */
export interface CaptionedFolderOptions {
  readonly root: string
  readonly file?: string | undefined
}

const NAMES = ['captions.tsv', 'captions.txt', 'metadata.jsonl']

/** One image in ten validates and one in ten tests; at least one of each. */
const TENTH = 0.1

/**
 * A folder of one's own: pictures and a file with lines `picture.jpg<TAB>caption`, a line for each caption, or, as Hugging Face's imagefolder has it,
 * JSON lines `{"file_name": "picture.jpg", "text": "caption"}`. Names are relative to the folder. The pictures are dealt out to the splits, 8 : 1 : 1,
 * the same way each time; only those that are there and have a caption are, so that no split ends empty. Throws UserError for a line of another form,
 * for a name outside the folder, and for fewer than three pictures to deal out.
 */
export async function readCaptionedFolder({ root: given, file }: CaptionedFolderOptions): Promise<Source> {
  const root = resolve(given)
  await checkFolder(root)
  const path = file === undefined ? join(root, await findCaptions(root)) : resolve(file)
  const input = await readInput(path)
  const captions = path.endsWith('.jsonl') ? parseJsonLines(input, path, root) : parseTabs(input, path, root)
  if (captions.size === 0) throw tooFew(path, 'it names 0 pictures')
  const source = await leaveOutMissing({
    name: posix.basename(root.replaceAll('\\', '/')),
    imageRoot: root,
    files: [input.file],
    images: [...captions].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, said]) => ({ file: name, captions: said })),
    problems: [],
  })
  const usable = source.images.filter((image) => image.captions.some(hasWords))
  if (usable.length < 3) {
    const which =
      usable.length === captions.size
        ? ''
        : `, of which ${usable.length} ${usable.length === 1 ? 'is there and has' : 'are there and have'} a caption`
    throw tooFew(path, `it names ${counted(captions.size, 'picture')}${which}`)
  }
  const dealt = deal(usable.length)
  const splitOf = new Map(usable.map((image, i) => [image, dealt[i]!]))
  const images = source.images.map((image) => ({
    id: image.file.replace(/\.[^./]+$/, ''),
    split: splitOf.get(image) ?? 'train', // without words: preparing leaves it out and says so
    ...image,
  }))
  return { ...source, images }
}

const tooFew = (path: string, names: string): UserError =>
  new UserError(
    `Cannot prepare "${path}": ${names}; a data set needs 3 or more, to learn from, to choose by and to test on`,
  )

const hasWords = (caption: string): boolean => captionTokens(caption).length > 0

async function checkFolder(root: string): Promise<void> {
  const found = await stat(root).catch(() => undefined)
  if (found?.isDirectory()) return
  throw new UserError(
    `Cannot prepare the folder "${root}": ${found ? 'it is a file' : 'there is no such folder'}; give the folder of the pictures with --root`,
  )
}

async function findCaptions(root: string): Promise<string> {
  const found = await firstExisting(root, NAMES)
  if (found !== undefined) return found
  throw new UserError(
    `Cannot find captions in "${root}": it has none of ${NAMES.join(', ')}; write lines "picture.jpg<TAB>caption" into ${NAMES[0]}, or name the file with --file`,
  )
}

/** How a captions file has its lines. */
interface LineForm {
  /** name and caption of a line, or undefined where it is none */
  readonly parse: (line: string) => readonly [string, string] | undefined
  /** what a line should be */
  readonly form: string
  /** what may stand above them */
  readonly header?: RegExp
}

/** Captions by picture. */
const gather =
  ({ parse, form, header }: LineForm) =>
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
          `${place} names ${JSON.stringify(pair[0])}, and names should be relative to "${root}" and stay in it; name the picture from there, or give another folder with --root`,
        )
      const known = captions.get(name)
      if (known) known.push(pair[1])
      else captions.set(name, [pair[1]])
    }
    return captions
  }

/** Is a normalised name absolute, on any system, or does it leave its folder? */
const isOutside = (name: string): boolean => /^\.\.?(\/|$)/.test(name) || win32.isAbsolute(name)

const parseTabs = gather({
  parse: (line) => {
    const tab = line.indexOf('\t')
    const name = line.slice(0, Math.max(tab, 0)).trim()
    return name === '' ? undefined : [name, line.slice(tab + 1)]
  },
  form: 'a picture, a tab and a caption',
  header: /^\s*(image|file_name)\s*\t\s*caption\s*$/i,
})

const parseJsonLines = gather({
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

/** Splits for that many images, in an order that is always the same. */
function deal(count: number): Split[] {
  const few = Math.max(1, Math.round(TENTH * count))
  const splits = Array.from({ length: count }, (_, i): Split => (i < few ? 'val' : i < 2 * few ? 'test' : 'train'))
  return new Random(0, 0).shuffle(splits)
}
