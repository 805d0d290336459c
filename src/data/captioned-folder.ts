import { join, posix, resolve } from 'node:path'
import { UserError } from '../errors.ts'
import { Random } from '../random.ts'
import { firstExisting } from './folders.ts'
import { type Input, readInput } from './input.ts'
import type { CaptionedImage, Source, Split } from './source.ts'

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
 * the same way each time. Throws UserError for a line of another form and for fewer than three pictures.
 */
export async function readCaptionedFolder({ root: given, file }: CaptionedFolderOptions): Promise<Source> {
  const root = resolve(given)
  const path = file === undefined ? join(root, await findCaptions(root)) : resolve(file)
  const input = await readInput(path)
  const captions = path.endsWith('.jsonl') ? parseJsonLines(input, path) : parseTabs(input, path)
  const files = [...captions.keys()].sort()
  if (files.length < 3)
    throw new UserError(
      `Cannot prepare "${path}": it names ${files.length} pictures; a data set needs 3 or more, to learn from, to choose by and to test on`,
    )
  const dealt = deal(files.length)
  const images: CaptionedImage[] = files.map((name, i) => ({
    id: name.replace(/\.[^./]+$/, ''),
    file: name,
    split: dealt[i]!,
    captions: captions.get(name)!,
  }))
  return {
    name: posix.basename(root.replaceAll('\\', '/')),
    imageRoot: root,
    files: [input.file],
    images,
    problems: [],
  }
}

async function findCaptions(root: string): Promise<string> {
  const found = await firstExisting(root, NAMES)
  if (found !== undefined) return found
  throw new UserError(
    `Cannot find captions in "${root}": it has none of ${NAMES.join(', ')}; write lines "picture.jpg<TAB>caption" into ${NAMES[0]}, or name the file with --file`,
  )
}

/** Captions by picture, from lines that `parse` makes a pair of; `form` says what a line should be. */
function gather(
  { text }: Input,
  path: string,
  parse: (line: string) => readonly [string, string] | undefined,
  form: string,
): Map<string, string[]> {
  const captions = new Map<string, string[]>()
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue
    const pair = parse(line)
    if (!pair)
      throw new UserError(
        `Cannot read "${path}": line ${index + 1} is ${JSON.stringify(line.slice(0, 60))} and should be ${form}`,
      )
    const name = posix.normalize(pair[0].replaceAll('\\', '/'))
    const known = captions.get(name)
    if (known) known.push(pair[1])
    else captions.set(name, [pair[1]])
  }
  return captions
}

const parseTabs = (input: Input, path: string): Map<string, string[]> =>
  gather(
    input,
    path,
    (line) => {
      const tab = line.indexOf('\t')
      return tab > 0 ? [line.slice(0, tab), line.slice(tab + 1)] : undefined
    },
    'a picture, a tab and a caption',
  )

const parseJsonLines = (input: Input, path: string): Map<string, string[]> =>
  gather(
    input,
    path,
    (line) => {
      try {
        const { file_name: name, text } = JSON.parse(line) as Record<string, unknown>
        return typeof name === 'string' && typeof text === 'string' ? [name, text] : undefined
      } catch {
        return undefined
      }
    },
    '{"file_name": "picture.jpg", "text": "caption"}',
  )

/** Splits for that many images, in an order that is always the same. */
function deal(count: number): Split[] {
  const few = Math.max(1, Math.round(TENTH * count))
  const splits = Array.from({ length: count }, (_, i): Split => (i < few ? 'val' : i < 2 * few ? 'test' : 'train'))
  return new Random(0, 0).shuffle(splits)
}
