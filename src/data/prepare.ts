import { setImmediate } from 'node:timers/promises'
import { remarksOn } from '../annotations/remarks.ts'
import { UserError } from '../errors.ts'
import type { Watch } from '../progress.ts'
import { captionTokens } from '../text/ptb.ts'
import { UNKNOWN, Vocabulary } from '../text/vocabulary.ts'
import { counted, firstFew } from '../wording.ts'
import { type CaptionedFolderOptions, readCaptionedFolder } from './captioned-folder.ts'
import { type CocoOptions, readCoco } from './coco.ts'
import { countSplits, type ImageEntry, writeDataset } from './dataset.ts'
import { findPictures } from './find-pictures.ts'
import { type Flickr8kOptions, readFlickr8k } from './flickr8k.ts'
import { type KarpathyOptions, readKarpathy } from './karpathy.ts'
import { randomSplit } from './random-split.ts'
import { type Source, SPLITS, type Split } from './source.ts'

/** A dataset to read, with the options of its reader. */
export type SourceOptions =
  | ({ readonly source: 'flickr8k' } & Flickr8kOptions)
  | ({ readonly source: 'coco' } & CocoOptions)
  | ({ readonly source: 'karpathy' } & KarpathyOptions)
  | ({ readonly source: 'folder' } & CaptionedFolderOptions)

/** Options of prepare(). */
export type PrepareOptions = SourceOptions &
  Watch & {
    /** The dataset folder to write. */
    readonly out: string
    /** Words with fewer occurrences in the training captions become `<unk>`; default: 5. */
    readonly minCount?: number | undefined
    /** Seed of a random split instead of the published one: see randomSplit(). */
    readonly randomSplit?: number | undefined
  }

/** Summary of a prepared dataset. */
export interface PrepareSummary {
  readonly name: string
  /** Number of images per split. */
  readonly images: Readonly<Record<Split, number>>
  /** Number of captions per split. */
  readonly captions: Readonly<Record<Split, number>>
  /** Number of words, special words included. */
  readonly vocabularySize: number
  /** Fraction of words per split that are not in the vocabulary, 0 to 1. */
  readonly unknownShare: Readonly<Record<Split, number>>
  /** What is missing or was skipped, in sentences for the user. */
  readonly problems: readonly string[]
}

/**
 * A larger fraction of unknown words in the training captions is reported. With the default `minCount` the fraction is
 * 3% for Flickr8k and 25% for 80 images of COCO: in a small dataset most words are rare.
 */
const MANY_UNKNOWN = 0.1

/**
 * Makes a dataset folder from a published dataset: tokenises all captions, builds the vocabulary of the training
 * captions, and reports skipped images and captions. Writes nothing before everything is read; the same input results
 * in the same bytes. `onProgress` counts images. Throws UserError for missing files, files in another format, and
 * `minCount` below 1.
 */
export async function prepare(options: PrepareOptions): Promise<PrepareSummary> {
  const { out, minCount = 5, signal } = options
  if (!Number.isSafeInteger(minCount) || minCount < 1) {
    throw new UserError(`Cannot prepare with minCount ${minCount}: it must be an integer of at least 1`)
  }
  const published = await findPictures(await readSource(options))
  const { randomSplit: seed } = options
  const source = seed === undefined ? published : { ...published, images: randomSplit(published.images, seed) }
  signal?.throwIfAborted()
  checkIds(source)
  const problems = [...source.problems]
  const images = await tokenise(source, problems, options)
  const train = images.filter(({ split }) => split === 'train')
  problems.push(...remarksOn({ dataset: images.flatMap(({ captions }) => captions) }))
  if (train.length === 0) problems.push('no training captions: the vocabulary has no words and nothing can be trained')
  const vocabulary = Vocabulary.build(tokenLists(train), { minCount })
  signal?.throwIfAborted()
  const summary = summarise(images, vocabulary)
  const unknown = summary.unknownShare.train
  if (unknown > MANY_UNKNOWN && minCount > 1)
    problems.push(
      `${(unknown * 100).toFixed(1)}% of the words of the training captions are unknown: ` +
        `the vocabulary has words with at least ${minCount} occurrences (--min-count ${minCount}); ` +
        'give a smaller number, e.g. --min-count 1',
    )
  const { name, imageRoot, files } = source
  await writeDataset(out, {
    name,
    source: { kind: options.source, files: [...files], ...(seed !== undefined && { randomSplit: seed }) },
    imageRoot,
    problems,
    images,
    vocabulary,
  })
  return { name, ...summary, problems }
}

function readSource(options: SourceOptions): Promise<Source> {
  switch (options.source) {
    case 'flickr8k':
      return readFlickr8k(options)
    case 'coco':
      return readCoco(options)
    case 'karpathy':
      return readKarpathy(options)
    case 'folder':
      return readCaptionedFolder(options)
  }
}

/** Throws UserError if two images share an id, because features are stored by id. */
function checkIds({ name, images }: Source): void {
  const fileOf = new Map<string, string>()
  for (const { id, file } of images) {
    const other = fileOf.get(id)
    if (other !== undefined) {
      throw new UserError(`Cannot prepare ${name}: "${other}" and "${file}" are both image ${id}; remove one`)
    }
    fileOf.set(id, file)
  }
}

/** Tokenises the captions, skips captions without words and images without captions, and reports both. */
async function tokenise({ images }: Source, problems: string[], { onProgress, signal }: Watch): Promise<ImageEntry[]> {
  const entries: ImageEntry[] = []
  const empty: string[] = []
  const withoutCaption: string[] = []
  for (const [done, image] of images.entries()) {
    const pairs = image.captions.map((caption) => [caption, captionTokens(caption).join(' ')] as const)
    const worded = pairs.filter(([, words]) => words !== '')
    for (let i = worded.length; i < pairs.length; i++) empty.push(image.file)
    if (worded.length === 0) withoutCaption.push(image.file)
    else entries.push({ ...image, captions: worded.map(([raw]) => raw), tokens: worded.map(([, words]) => words) })
    if (done % 500 === 0) {
      await setImmediate() // lets signals and the progress bar run
      signal?.throwIfAborted()
      onProgress?.(done, images.length)
    }
  }
  onProgress?.(images.length, images.length)
  if (empty.length > 0) problems.push(`${counted(empty.length, 'caption')} skipped, without words: ${firstFew(empty)}`)
  if (withoutCaption.length > 0) {
    problems.push(`${counted(withoutCaption.length, 'image')} skipped, without caption: ${firstFew(withoutCaption)}`)
  }
  return entries
}

/** The tokens of each caption. */
export function* tokenLists(images: Iterable<ImageEntry>): Generator<string[]> {
  for (const { tokens } of images) for (const caption of tokens) yield caption.split(' ')
}

/** The counts of a summary. */
export function summarise(
  images: readonly ImageEntry[],
  vocabulary: Vocabulary,
): Pick<PrepareSummary, 'images' | 'captions' | 'vocabularySize' | 'unknownShare'> {
  const captions = { train: 0, val: 0, test: 0 }
  const unknownShare = { train: 0, val: 0, test: 0 }
  for (const split of SPLITS) {
    let words = 0
    let unknown = 0
    for (const tokens of tokenLists(images.filter((image) => image.split === split))) {
      captions[split] += 1
      words += tokens.length
      for (const token of tokens) if (vocabulary.id(token) === UNKNOWN) unknown += 1
    }
    unknownShare[split] = words === 0 ? 0 : unknown / words
  }
  return { images: countSplits(images), captions, vocabularySize: vocabulary.size, unknownShare }
}
