import { join, parse, posix, resolve } from 'node:path'
import { UserError } from '../errors.ts'
import { counted, firstFew } from '../wording.ts'
import { firstExisting } from './folders.ts'
import { type Input, readInput } from './input.ts'
import { type CaptionedImage, type Source, SPLITS, type Split } from './source.ts'

/** Options of readFlickr8k(). */
export interface Flickr8kOptions {
  /** The folder of the caption file and the split lists, or the folder above it. */
  readonly root: string
  /** The folder of the images, if they are not below `root`. */
  readonly images?: string | undefined
}

const CAPTION_FILE = 'Flickr8k.token.txt'
const SPLIT_LISTS: Readonly<Record<Split, string>> = {
  train: 'Flickr_8k.trainImages.txt',
  val: 'Flickr_8k.devImages.txt',
  test: 'Flickr_8k.testImages.txt',
}

/**
 * Reads Flickr8k (Hodosh et al., JAIR 2013) in its original format: lines `name.jpg#n<TAB>caption`, and a list of file
 * names per split. A missing split list is reported in `problems`. Throws UserError for a line in another format, an
 * image in two splits, or if all split lists are missing.
 */
export async function readFlickr8k({ root: given, images }: Flickr8kOptions): Promise<Source> {
  const root = resolve(given)
  const texts = join(root, (await firstExisting(root, [CAPTION_FILE, `Flickr8k_text/${CAPTION_FILE}`])) ?? CAPTION_FILE)
  const folder = parse(texts).dir
  const input = await readInput(texts)
  const captions = parseCaptions(input, texts)
  const problems: string[] = []
  const lists = new Map<Split, Input>()
  for (const split of SPLITS) {
    const list = SPLIT_LISTS[split]
    if (await firstExisting(folder, [list])) lists.set(split, await readInput(join(folder, list)))
    else problems.push(`no ${split} split: the list ${list} is missing in "${folder}"`)
  }
  if (lists.size === 0) {
    throw new UserError(
      `Cannot read Flickr8k in "${folder}": all of its split lists are missing; ` +
        `put ${SPLIT_LISTS.train} into the folder of ${CAPTION_FILE}`,
    )
  }
  const below = images === undefined ? ((await firstExisting(root, ['images', 'Flicker8k_Dataset'])) ?? '') : ''
  const assigned = assignSplits(lists)
  const inNoList = [...captions.keys()].filter((name) => !assigned.has(name))
  if (inNoList.length > 0) {
    problems.push(`${counted(inNoList.length, 'image')} skipped, in no split list: ${firstFew(inNoList)}`)
  }
  return {
    name: 'flickr8k',
    imageRoot: images === undefined ? root : resolve(images),
    files: [input.file, ...[...lists.values()].map(({ file }) => file)],
    images: collect(assigned, captions, below),
    problems,
  }
}

/** By file name: its captions. */
function parseCaptions({ text }: Input, path: string): Map<string, string[]> {
  const captions = new Map<string, string[]>()
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === '') continue
    const [, name, caption] = /^(.+)#\d+\t(.*)$/.exec(line) ?? []
    if (name === undefined || caption === undefined) {
      throw new UserError(
        `Cannot read "${path}": line ${index + 1} is ${JSON.stringify(line.slice(0, 60))} ` +
          'and should be an image, "#", a number, a tab and a caption',
      )
    }
    const known = captions.get(name)
    if (known) known.push(caption)
    else captions.set(name, [caption])
  }
  return captions
}

/** By file name: its split. Throws UserError for an image in two splits, which would be trained and tested on. */
function assignSplits(lists: ReadonlyMap<Split, Input>): Map<string, Split> {
  const assigned = new Map<string, Split>()
  for (const [split, { text, file }] of lists) {
    for (const name of text.split('\n').map((line) => line.trim())) {
      const other = assigned.get(name) ?? split
      if (other !== split) {
        throw new UserError(`Cannot read "${file.path}": ${name} is also in the ${other} list; remove it from one`)
      }
      if (name !== '') assigned.set(name, split)
    }
  }
  return assigned
}

/** The images of the split lists; an image without captions gets an empty list. */
function collect(
  assigned: ReadonlyMap<string, Split>,
  captions: ReadonlyMap<string, readonly string[]>,
  below: string,
): CaptionedImage[] {
  return [...assigned].map(([name, split]) => ({
    id: parse(name).name,
    file: posix.join(below, name),
    split,
    captions: captions.get(name) ?? [],
  }))
}
