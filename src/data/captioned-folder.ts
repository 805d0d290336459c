import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { join, posix, resolve } from 'node:path'
import { splitLines } from '../annotations/lines.ts'
import { UserError } from '../errors.ts'
import { Random } from '../random.ts'
import { captionTokens } from '../text/ptb.ts'
import { counted } from '../wording.ts'
import { type CaptionRow, parseCaptions } from './captions-file.ts'
import { findPictures } from './find-pictures.ts'
import { firstExisting, listTree } from './folders.ts'
import { readInput } from './input.ts'
import { isPictureName, relativePath, withoutEnding } from './picture-names.ts'
import { type Source, type SourceFile, SPLITS, type Split } from './source.ts'

/** Options of readCaptionedFolder(). */
export interface CaptionedFolderOptions {
  /** The folder of the images and the captions file. */
  readonly root: string
  /** The captions file, if it is elsewhere or has another name. */
  readonly file?: string | undefined
}

/** File names of captions files, in order of preference. */
const NAMES = [
  ...['captions.tsv', 'captions.txt', 'captions.csv', 'captions.jsonl', 'captions.json'],
  ...['metadata.jsonl', 'metadata.csv'],
  ...['results_20130124.token', 'results.token', 'Flickr8k.token.txt', 'results.csv'],
]

/** Endings of text files beside the pictures, each with the captions of one. */
const SIDECAR = /\.(txt|caption)$/i

/** Names of folders and of splits in files, as Hugging Face's datasets library knows them, and Karpathy's `restval`. */
const SPLIT_NAMES: ReadonlyMap<string, Split> = new Map<string, Split>([
  ...(['train', 'training', 'restval'] as const).map((name) => [name, 'train'] as const),
  ...(['val', 'valid', 'validation', 'dev'] as const).map((name) => [name, 'val'] as const),
  ...(['test', 'testing', 'eval'] as const).map((name) => [name, 'test'] as const),
])

const splitNamed = (name: string): Split | undefined => SPLIT_NAMES.get(name.toLowerCase())

/** The fraction of images in `val`, and in `test`; at least one image each. */
const HELD_OUT = 0.1

/** Fewest usable images: one for each split. */
const FEWEST = 3

/** The captions of a picture, before it is looked for. */
interface Captioned {
  readonly id: string
  /** Path relative to the root. */
  readonly file: string
  readonly captions: string[]
  readonly split?: Split | undefined
}

/** What the captions files of a folder say. */
interface Captions {
  /** The captions file, or the folder, for messages. */
  readonly path: string
  readonly files: readonly SourceFile[]
  readonly images: readonly Captioned[]
  readonly problems: readonly string[]
}

/**
 * Reads a folder of images with captions: a captions file in any form that parseCaptions() reads; a metadata file in
 * each of the folders train/, validation/ and test/, as Hugging Face's imagefolder has them; or a text file beside each
 * picture, one caption per line. File names are relative to the folder. Splits are those of the file or of the folders;
 * otherwise images are split at random, 8 : 1 : 1, in a reproducible way. Only images that exist and have a caption
 * with words are split, so that no split is empty. Throws UserError for a file in another format, for a name outside
 * the folder, and for fewer than three such images.
 */
export async function readCaptionedFolder({ root: given, file }: CaptionedFolderOptions): Promise<Source> {
  const root = resolve(given)
  await checkFolder(root)
  const { path, files, images: named, problems } = await readCaptions(root, file)
  if (named.length === 0) throw tooFew(path, 'it names 0 pictures')
  const source = await findPictures(
    {
      name: posix.basename(root.replaceAll('\\', '/')),
      imageRoot: root,
      files,
      images: [...named].sort((a, b) => (a.file < b.file ? -1 : 1)),
      problems,
    },
    '--root',
  )
  const usable = source.images.filter((image) => image.captions.some(hasWords))
  if (usable.length < FEWEST) {
    const which =
      usable.length === named.length
        ? ''
        : `, of which ${usable.length} ${usable.length === 1 ? 'exists and has' : 'exist and have'} a caption`
    throw tooFew(path, `it names ${counted(named.length, 'picture')}${which}`)
  }
  const { splitOf, notes } = assignSplits(usable)
  const images = source.images.map((image) => ({
    ...image,
    split: splitOf.get(image) ?? 'train', // images without words: prepare() skips and reports them
  }))
  return { ...source, images, problems: [...source.problems, ...notes] }
}

const tooFew = (path: string, names: string): UserError =>
  new UserError(`Cannot prepare "${path}": ${names}; a dataset needs 3 or more, for training, validation and test`)

const hasWords = (caption: string): boolean => captionTokens(caption).length > 0

async function checkFolder(root: string): Promise<void> {
  const found = await stat(root).catch(() => undefined)
  if (found?.isDirectory()) return
  throw new UserError(
    `Cannot prepare the folder "${root}": ${found ? 'it is a file' : 'there is no such folder'}; ` +
      'give the folder of the pictures with --root',
  )
}

/** The captions of a given file, of one in the folder, of one in each split's folder, or of text files. */
async function readCaptions(root: string, file: string | undefined): Promise<Captions> {
  if (file !== undefined) return readCaptionsFile(resolve(file), root)
  const found = await firstExisting(root, NAMES)
  if (found !== undefined) return readCaptionsFile(join(root, found), root)
  const perSplit = await readSplitFolders(root)
  if (perSplit) return perSplit
  const sidecars = await readSidecars(root)
  if (sidecars) return sidecars
  throw new UserError(
    `Cannot find captions in "${root}": it has neither captions.tsv, captions.txt, captions.csv, metadata.jsonl, ` +
      `metadata.csv nor results.csv, and no .txt file with the name of a picture; write lines "picture.jpg<TAB>caption" into ${NAMES[0]}, or give the file with --file`,
  )
}

async function readCaptionsFile(path: string, root: string): Promise<Captions> {
  const input = await readInput(path)
  const { rows, problems } = parseCaptions(input, path)
  const images = collect(rows, path, root, '')
  return { path, files: [input.file], images: withFolderSplits(images), problems }
}

/** The captions of `train/metadata.jsonl`, `validation/metadata.csv` and the like; undefined if there is none. */
async function readSplitFolders(root: string): Promise<Captions | undefined> {
  const parts: Captions[] = []
  for (const [folder, split] of SPLIT_NAMES) {
    const found = await firstExisting(join(root, folder), NAMES)
    if (found === undefined) continue
    const path = join(root, folder, found)
    const input = await readInput(path)
    const { rows, problems } = parseCaptions(input, path)
    const images = collect(rows, path, root, folder).map((image) => ({ ...image, split: image.split ?? split }))
    parts.push({ path, files: [input.file], images, problems })
  }
  return parts.length === 0 ? undefined : joined(root, parts)
}

const joined = (root: string, parts: readonly Captions[]): Captions => ({
  path: root,
  files: parts.flatMap(({ files }) => files),
  images: parts.flatMap(({ images }) => images),
  problems: parts.flatMap(({ problems }) => problems),
})

/** The captions of text files beside pictures, as `dog.txt` beside `dog.jpg`; undefined if there is none. */
async function readSidecars(root: string): Promise<Captions | undefined> {
  const tree = await listTree(root, 2)
  const texts = new Map(tree.filter((path) => SIDECAR.test(path)).map((path) => [path.replace(SIDECAR, ''), path]))
  const images: Captioned[] = []
  const hash = createHash('sha256') // of the hashes: a list of 100,000 files would be larger than the captions
  let bytes = 0
  let without = 0
  for (const file of tree.filter(isPictureName)) {
    const path = texts.get(withoutEnding(file))
    if (path === undefined) {
      without += 1
      continue
    }
    const input = await readInput(join(root, path))
    hash.update(input.file.sha256)
    bytes += input.file.bytes
    images.push({ id: withoutEnding(file), file, captions: splitLines(input.text).filter((line) => line.trim()) })
  }
  if (images.length === 0) return undefined
  const problems = without > 0 ? [`${counted(without, 'image')} skipped, without a text file`] : []
  const files = [{ path: root, bytes, sha256: hash.digest('hex') }]
  return { path: root, files, images: withFolderSplits(images), problems }
}

/** The rows by picture. `folder` is the folder below the root that names are relative to. */
function collect(rows: readonly CaptionRow[], path: string, root: string, folder: string): Captioned[] {
  const images = new Map<string, Captioned>()
  for (const { name, captions, split, place } of rows) {
    const relative = relativePath(name)
    if (relative === undefined)
      throw new UserError(
        `Cannot read "${path}": ${place} names ${JSON.stringify(name)}, which is outside of "${join(root, folder)}"; ` +
          'give names relative to that folder, or another folder with --root',
      )
    const file = posix.join(folder, relative)
    const known = images.get(file)
    if (known) known.captions.push(...captions)
    else
      images.set(file, {
        id: file.replace(/\.[^./]+$/, ''),
        file,
        captions: [...captions],
        split: split === undefined ? undefined : splitNamed(split),
      })
  }
  return [...images.values()]
}

/** Takes the split from the first folder of each path if all paths begin with one, and training is among them. */
function withFolderSplits(images: readonly Captioned[]): readonly Captioned[] {
  const splits = images.map(({ file }) => (file.includes('/') ? splitNamed(file.split('/')[0]!) : undefined))
  const all = new Set(splits)
  if (all.has(undefined) || !all.has('train') || all.size < 2) return images
  return images.map((image, i) => ({ ...image, split: image.split ?? splits[i] }))
}

/**
 * The split of each image: as given if all have one and one is for training, else random. Images for validation,
 * without which no epoch can be chosen, are taken from the training images if none are given.
 */
function assignSplits<Image extends Captioned>(
  images: readonly Image[],
): { readonly splitOf: ReadonlyMap<Image, Split>; readonly notes: readonly string[] } {
  const given = new Map(images.map((image) => [image, image.split]))
  const sizes = SPLITS.map((split) => images.filter((image) => image.split === split).length)
  const [train = 0, val] = sizes
  if (train === 0 || [...given.values()].includes(undefined) || sizes.filter((size) => size > 0).length < 2)
    return { splitOf: zip(images, randomSplits(images.length, ['val', 'test'])), notes: [] }
  const splitOf = new Map(given as Map<Image, Split>)
  if (val! > 0 || train < 2) return { splitOf, notes: [] }
  const training = images.filter((image) => image.split === 'train')
  for (const [image, split] of zip(training, randomSplits(training.length, ['val']))) splitOf.set(image, split)
  const moved = [...splitOf.values()].filter((split) => split === 'val').length
  return {
    splitOf,
    notes: [`no validation split: ${counted(moved, 'training image')} ${moved === 1 ? 'is' : 'are'} used for it`],
  }
}

const zip = <A, B>(a: readonly A[], b: readonly B[]): Map<A, B> => new Map(a.map((each, i) => [each, b[i]!]))

/** The splits of `count` images, shuffled with a fixed seed; a tenth is held out for each of `others`. */
function randomSplits(count: number, others: readonly Split[]): Split[] {
  const heldOut = Math.max(1, Math.round(HELD_OUT * count))
  const splits = Array.from({ length: count }, (_, i): Split => others[Math.floor(i / heldOut)] ?? 'train')
  return new Random(0, 0).shuffle(splits)
}
