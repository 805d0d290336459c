import { join, parse, posix, resolve } from 'node:path'
import { UserError } from '../errors.ts'
import { counted, firstFew } from '../wording.ts'
import { firstExisting } from './folders.ts'
import { type Input, readInput } from './input.ts'
import { type CaptionedImage, type Source, type Split, splits } from './source.ts'

/** `root` holds the caption file and the split lists; `images` the pictures, if they are not below `root`. */
export interface Flickr8kOptions {
  readonly root: string
  readonly images?: string | undefined
}

const captionFile = 'Flickr8k.token.txt'
const splitLists: Readonly<Record<Split, string>> = {
  train: 'Flickr_8k.trainImages.txt',
  val: 'Flickr_8k.devImages.txt',
  test: 'Flickr_8k.testImages.txt',
}

/**
 * Flickr8k (Hodosh et al., 2013) in its own files: `name.jpg#n<TAB>caption` lines and a list of file names for each
 * split. A missing split list is a problem in the result; without any, or with an image in two, it throws UserError.
 */
export async function readFlickr8k({ root: given, images }: Flickr8kOptions): Promise<Source> {
  const root = resolve(given)
  const texts = join(root, (await firstExisting(root, [captionFile, `Flickr8k_text/${captionFile}`])) ?? captionFile)
  const folder = parse(texts).dir
  const input = await readInput(texts)
  const captions = parseCaptions(input, texts)
  const problems: string[] = []
  const lists = new Map<Split, Input>()
  for (const split of splits) {
    const list = splitLists[split]
    if (await firstExisting(folder, [list])) lists.set(split, await readInput(join(folder, list)))
    else problems.push(`no ${split} split: the list ${list} is missing in "${folder}"`)
  }
  if (lists.size === 0) {
    throw new UserError(
      `Cannot read Flickr8k in "${folder}": none of its split lists is there; put ${splitLists.train} beside ${captionFile}`,
    )
  }
  const below = images === undefined ? ((await firstExisting(root, ['images', 'Flicker8k_Dataset'])) ?? '') : ''
  const assigned = assignSplits(lists)
  const inNoList = [...captions.keys()].filter((name) => !assigned.has(name))
  if (inNoList.length > 0) {
    problems.push(`${counted(inNoList.length, 'image')} left out, in no split list: ${firstFew(inNoList)}`)
  }
  return {
    name: 'flickr8k',
    imageRoot: images === undefined ? root : resolve(images),
    files: [input.file, ...[...lists.values()].map(({ file }) => file)],
    images: collect(assigned, captions, below),
    problems,
  }
}

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

/** File name to split. An image of two splits would be learnt from and tested on, so it is refused. */
function assignSplits(lists: ReadonlyMap<Split, Input>): Map<string, Split> {
  const assigned = new Map<string, Split>()
  for (const [split, { text, file }] of lists) {
    for (const name of text.split('\n').map((line) => line.trim())) {
      const other = assigned.get(name) ?? split
      if (other !== split) {
        throw new UserError(`Cannot read "${file.path}": ${name} is in the ${other} list too; take it out of one`)
      }
      if (name !== '') assigned.set(name, split)
    }
  }
  return assigned
}

/** The images of the splits, and of a list's name without captions an image with none. */
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
