import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { readJson, writeFileAtomic } from '../disk/files.ts'
import { UserError } from '../errors.ts'
import type { Watch } from '../progress.ts'
import { Vocabulary } from '../text/vocabulary.ts'
import { validate } from '../validate.ts'
import { formatImages, type ImageEntry, readImages } from './images.ts'
import { type Split, splits } from './source.ts'

export type { ImageEntry } from './images.ts'
export type { Split } from './source.ts'

const advice = 'make it again with "mia prepare"'
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const schema = v.object({
  format: v.literal('mia-dataset/1'),
  name: v.string(),
  source: v.object({
    kind: v.string(),
    files: v.array(v.object({ path: v.string(), bytes: count, sha256: v.string() })),
    captions: count,
    /** the seed by which the images were dealt out to the splits, where that was not as published */
    randomSplit: v.optional(count),
  }),
  imageRoot: v.string(),
  tokenizer: v.literal('ptb-3.4.1'),
  minCount: count,
  splits: v.object({ train: count, val: count, test: count }),
  problems: v.array(v.string()),
})

/** `dataset.json`: what the dataset was made of, where its images are, how many each split has. */
export type DatasetHeader = v.InferOutput<typeof schema>

/** What `writeDataset` is given; the rest of the header it counts itself. */
export interface DatasetContent {
  readonly name: string
  readonly source: Omit<DatasetHeader['source'], 'captions'>
  readonly imageRoot: string
  readonly problems: readonly string[]
  readonly images: readonly ImageEntry[]
  readonly vocabulary: Vocabulary
}

/** A folder that `mia prepare` made: images with their captions, in splits, and the words of the training captions. */
export class Dataset {
  private constructor(
    readonly folder: string,
    readonly header: DatasetHeader,
    /** In the order of the source's files. */
    readonly images: readonly ImageEntry[],
    readonly vocabulary: Vocabulary,
  ) {}

  /** Opens a dataset folder. Throws UserError, naming file and field or line, where it is not whole. */
  static async open(folder: string, { onProgress, signal }: Watch = {}): Promise<Dataset> {
    const path = join(folder, 'dataset.json')
    const header = validate(schema, await readJson(path, 'dataset'), path, advice)
    const words = join(folder, 'vocabulary.json')
    const vocabulary = Vocabulary.fromJSON(await readJson(words, 'vocabulary'), words)
    const total = splits.reduce((sum, split) => sum + header.splits[split], 0)
    const images: ImageEntry[] = []
    for await (const image of readImages(join(folder, 'images.jsonl'))) {
      images.push(image)
      if (images.length % 1000 === 0) {
        signal?.throwIfAborted()
        onProgress?.(images.length, total)
      }
    }
    const dataset = new Dataset(folder, header, images, vocabulary)
    for (const split of splits) {
      const found = dataset.split(split).length
      if (found !== header.splits[split]) {
        throw new UserError(
          `Cannot read dataset "${folder}": images.jsonl has ${found} ${split} images and dataset.json says ` +
            `${header.splits[split]}; ${advice}`,
        )
      }
    }
    return dataset
  }

  split(name: Split): readonly ImageEntry[] {
    return this.images.filter(({ split }) => split === name)
  }

  /** Where the image is on this machine. */
  imagePath({ file }: ImageEntry): string {
    return join(this.header.imageRoot, file)
  }
}

/**
 * Writes a dataset folder. `dataset.json` goes first and comes last, so that a folder that has it is whole; equal
 * content gives equal bytes.
 */
export async function writeDataset(folder: string, content: DatasetContent): Promise<void> {
  const { name, source, imageRoot, problems, images, vocabulary } = content
  const header: DatasetHeader = {
    format: 'mia-dataset/1',
    name,
    source: { ...source, captions: images.reduce((sum, { captions }) => sum + captions.length, 0) },
    imageRoot,
    tokenizer: 'ptb-3.4.1',
    minCount: vocabulary.minCount,
    splits: countSplits(images),
    problems: [...problems],
  }
  await rm(join(folder, 'dataset.json'), { force: true })
  await writeFileAtomic(join(folder, 'images.jsonl'), formatImages(images))
  await writeFileAtomic(join(folder, 'vocabulary.json'), `${JSON.stringify(vocabulary)}\n`)
  await writeFileAtomic(join(folder, 'dataset.json'), `${JSON.stringify(header, null, 2)}\n`)
}

/** How many images each split has. */
export function countSplits(images: readonly ImageEntry[]): Record<Split, number> {
  const counts = { train: 0, val: 0, test: 0 }
  for (const { split } of images) counts[split] += 1
  return counts
}
