import { setImmediate } from 'node:timers/promises'
import { UserError } from '../errors.ts'
import type { Watch } from '../progress.ts'
import { captionTokens } from '../text/ptb.ts'
import { UNKNOWN, Vocabulary } from '../text/vocabulary.ts'
import { counted, firstFew } from '../wording.ts'
import { type CaptionedFolderOptions, readCaptionedFolder } from './captioned-folder.ts'
import { type CocoOptions, readCoco } from './coco.ts'
import { countSplits, type ImageEntry, writeDataset } from './dataset.ts'
import { type Flickr8kOptions, readFlickr8k } from './flickr8k.ts'
import { leaveOutMissing } from './folders.ts'
import { type KarpathyOptions, readKarpathy } from './karpathy.ts'
import { randomSplit } from './random-split.ts'
import { type Source, type Split, splits } from './source.ts'

export type SourceOptions =
  | ({ readonly source: 'flickr8k' } & Flickr8kOptions)
  | ({ readonly source: 'coco' } & CocoOptions)
  | ({ readonly source: 'karpathy' } & KarpathyOptions)
  | ({ readonly source: 'folder' } & CaptionedFolderOptions)

export type PrepareOptions = SourceOptions &
  Watch & {
    /** The dataset folder to write. */
    readonly out: string
    /** Rarer words of the training captions become `<unk>`. */
    readonly minCount?: number | undefined
    /** Deals the images out to the splits at random: see randomSplit(). */
    readonly randomSplit?: number | undefined
  }

/** What was prepared. `problems` are sentences for the user: what was expected and not found. */
export interface PrepareSummary {
  readonly name: string
  readonly images: Readonly<Record<Split, number>>
  readonly captions: Readonly<Record<Split, number>>
  /** Special words included. */
  readonly vocabularySize: number
  /** The part of each split's words, 0 to 1, that the vocabulary does not have. */
  readonly unknownShare: Readonly<Record<Split, number>>
  readonly problems: readonly string[]
}

/**
 * The share of the training captions' words that may be unknown before it is told. With the usual least count it is 3% of Flickr8k and a quarter of 80
 * images of COCO: a small data set says most of its words a few times only.
 */
const MUCH_UNKNOWN = 0.1

/**
 * Makes a dataset folder from a published data set: one tokeniser over all captions, a vocabulary from those of the
 * training split, and everything that was left out named. Nothing is written before all is read; run again, it writes
 * the same bytes. `onProgress` counts images. Throws UserError for files that are not what they should be.
 */
export async function prepare(options: PrepareOptions): Promise<PrepareSummary> {
  const { out, minCount = 5, signal } = options
  if (!Number.isSafeInteger(minCount) || minCount < 1) {
    throw new UserError(`Cannot keep words seen ${minCount} times: the least count should be a whole number from 1`)
  }
  const published = await leaveOutMissing(await readSource(options))
  const { randomSplit: seed } = options
  const source = seed === undefined ? published : { ...published, images: randomSplit(published.images, seed) }
  signal?.throwIfAborted()
  checkIds(source)
  const problems = [...source.problems]
  const images = await tokenise(source, problems, options)
  const train = images.filter(({ split }) => split === 'train')
  if (train.length === 0) problems.push('no training captions: the vocabulary has no words and nothing can be trained')
  const vocabulary = Vocabulary.build(tokenLists(train), { minCount })
  signal?.throwIfAborted()
  const summary = summarise(images, vocabulary)
  const unknown = summary.unknownShare.train
  if (unknown > MUCH_UNKNOWN)
    problems.push(
      `${(unknown * 100).toFixed(1)}% of the words of the training captions are unknown: the vocabulary has those seen ${minCount} times or more (--min-count ${minCount}); give a smaller one, e.g. --min-count 1`,
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

/** Features are stored by id, so two images must not share one. */
function checkIds({ name, images }: Source): void {
  const fileOf = new Map<string, string>()
  for (const { id, file } of images) {
    const other = fileOf.get(id)
    if (other !== undefined) {
      throw new UserError(`Cannot prepare ${name}: "${other}" and "${file}" are both image ${id}; take one out`)
    }
    fileOf.set(id, file)
  }
}

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
      await setImmediate() // lets Ctrl-C and the progress bar in
      signal?.throwIfAborted()
      onProgress?.(done, images.length)
    }
  }
  onProgress?.(images.length, images.length)
  if (empty.length > 0) problems.push(`${counted(empty.length, 'caption')} left out, without words: ${firstFew(empty)}`)
  if (withoutCaption.length > 0) {
    problems.push(`${counted(withoutCaption.length, 'image')} left out, without caption: ${firstFew(withoutCaption)}`)
  }
  return entries
}

/** The tokens of one caption after the other. */
function* tokenLists(images: Iterable<ImageEntry>): Generator<string[]> {
  for (const { tokens } of images) for (const caption of tokens) yield caption.split(' ')
}

function summarise(
  images: readonly ImageEntry[],
  vocabulary: Vocabulary,
): Pick<PrepareSummary, 'images' | 'captions' | 'vocabularySize' | 'unknownShare'> {
  const captions = { train: 0, val: 0, test: 0 }
  const unknownShare = { train: 0, val: 0, test: 0 }
  for (const split of splits) {
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
