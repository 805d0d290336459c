import { dirname, parse, posix, resolve } from 'node:path'
import { readJsonInput } from './input.ts'
import type { Row } from './rows.ts'
import type { CaptionedImage, Source, Split } from './source.ts'

/** `file` is the JSON file; `images` the folder its paths start from, by default the folder of the file. */
export interface KarpathyOptions {
  readonly file: string
  readonly images?: string | undefined
}

/** `restval` is the part of COCO's validation images that Karpathy and everyone since trains on. */
const splitOf: Readonly<Record<'train' | 'restval' | 'val' | 'test', Split>> = {
  train: 'train',
  restval: 'train',
  val: 'val',
  test: 'test',
}
const published = Object.keys(splitOf) as (keyof typeof splitOf)[]

/**
 * Karpathy's dataset_coco.json, dataset_flickr8k.json or dataset_flickr30k.json (Karpathy and Fei-Fei, 2015). His
 * tokens are not used: vocabulary, training and scores share one tokeniser, which takes his `raw` captions.
 */
export async function readKarpathy({ file, images }: KarpathyOptions): Promise<Source> {
  const { top, file: read } = await readJsonInput(file)
  return {
    name: top.has('dataset') ? top.text('dataset') : parse(file).name,
    imageRoot: resolve(images ?? dirname(file)),
    files: [read],
    images: [...top.rows('images')].map(readImage),
    problems: [],
  }
}

/** Flickr's files have neither `cocoid` nor `filepath`. */
function readImage(row: Row): CaptionedImage {
  const name = row.text('filename')
  return {
    id: row.has('cocoid') ? String(row.integer('cocoid')) : parse(name).name,
    file: row.has('filepath') ? posix.join(row.text('filepath'), name) : name,
    split: splitOf[row.oneOf('split', published)],
    captions: [...row.rows('sentences')].map((sentence) => sentence.text('raw')),
  }
}
