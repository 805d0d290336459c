import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { readJson, writeFileAtomic } from '../disk/files.ts'
import { UserError } from '../errors.ts'
import type { Watch } from '../progress.ts'
import { Vocabulary } from '../text/vocabulary.ts'
import { COUNT, validate } from '../validate.ts'
import { formatImages, type ImageEntry, readImages } from './images.ts'
import { SPLITS, type Split } from './source.ts'

export type { ImageEntry } from './images.ts'
export type { Split } from './source.ts'

const ADVICE = 'make it again with "mia prepare"'
const SCHEMA = v.object({
  format: v.literal('mia-dataset/1'),
  name: v.string(),
  source: v.object({
    kind: v.string(),
    files: v.array(v.object({ path: v.string(), bytes: COUNT, sha256: v.string() })),
    captions: COUNT,
    /** The seed of the random split; absent for the published split. */
    randomSplit: v.optional(COUNT),
  }),
  imageRoot: v.string(),
  tokenizer: v.literal('ptb-3.4.1'),
  minCount: COUNT,
  splits: v.object({ train: COUNT, val: COUNT, test: COUNT }),
  problems: v.array(v.string()),
})

/** The content of `dataset.json`: source files, image root, and the number of images per split. */
export type DatasetHeader = v.InferOutput<typeof SCHEMA>

/** The input of writeDataset(), which computes the other fields of the header. */
export interface DatasetContent {
  readonly name: string
  readonly source: Omit<DatasetHeader['source'], 'captions'>
  readonly imageRoot: string
  readonly problems: readonly string[]
  readonly images: readonly ImageEntry[]
  readonly vocabulary: Vocabulary
}

/**
 * A dataset folder made by `mia prepare`: images with captions and splits, and the vocabulary of the training captions.
 */
export class Dataset {
  private constructor(
    readonly folder: string,
    readonly header: DatasetHeader,
    /** All images, in the order of the source files. */
    readonly images: readonly ImageEntry[],
    readonly vocabulary: Vocabulary,
  ) {}

  /** Reads a dataset folder. Throws UserError, with file and field or line, if it is incomplete or damaged. */
  static async open(folder: string, { onProgress, signal }: Watch = {}): Promise<Dataset> {
    const path = join(folder, 'dataset.json')
    const header = validate(SCHEMA, await readJson(path, 'dataset'), path, ADVICE)
    const words = join(folder, 'vocabulary.json')
    const vocabulary = Vocabulary.fromJSON(await readJson(words, 'vocabulary'), words)
    const total = SPLITS.reduce((sum, split) => sum + header.splits[split], 0)
    const images: ImageEntry[] = []
    const seen = new Set<string>()
    for await (const image of readImages(join(folder, 'images.jsonl'))) {
      if (seen.has(image.id))
        throw new UserError(
          `Cannot read "${join(folder, 'images.jsonl')}": it has image "${image.id}" twice; ${ADVICE}`,
        )
      seen.add(image.id)
      images.push(image)
      if (images.length % 1000 === 0) {
        signal?.throwIfAborted()
        onProgress?.(images.length, total)
      }
    }
    const dataset = new Dataset(folder, header, images, vocabulary)
    for (const split of SPLITS) {
      const found = dataset.split(split).length
      if (found !== header.splits[split]) {
        throw new UserError(
          `Cannot read dataset "${folder}": images.jsonl has ${found} ${split} images and dataset.json says ` +
            `${header.splits[split]}; ${ADVICE}`,
        )
      }
    }
    return dataset
  }

  /** The images of a split, in their order. */
  split(name: Split): readonly ImageEntry[] {
    return this.images.filter(({ split }) => split === name)
  }

  /** The path of an image file. */
  imagePath({ file }: ImageEntry): string {
    return join(this.header.imageRoot, file)
  }
}

/**
 * Writes a dataset folder. `dataset.json` is removed first and written last, so that a folder with it is complete.
 * Equal content results in equal bytes. Throws UserError if a file cannot be written.
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

/** The number of images per split. */
export function countSplits(images: readonly ImageEntry[]): Record<Split, number> {
  const counts = { train: 0, val: 0, test: 0 }
  for (const { split } of images) counts[split] += 1
  return counts
}
