import { dirname, parse, resolve } from 'node:path'
import { KARPATHY_SPLITS } from '../text/karpathy-splits.ts'
import { readJsonInput } from './input.ts'
import { relativePath } from './picture-names.ts'
import type { Row } from './rows.ts'
import type { CaptionedImage, Source } from './source.ts'

/** Options of readKarpathy(). */
export interface KarpathyOptions {
  /** The JSON file. */
  readonly file: string
  /** The folder that its paths are relative to; by default the folder of the file. */
  readonly images?: string | undefined
}

const PUBLISHED_SPLITS = Object.keys(KARPATHY_SPLITS) as (keyof typeof KARPATHY_SPLITS)[]

/**
 * Reads Karpathy's dataset_coco.json, dataset_flickr8k.json or dataset_flickr30k.json (Karpathy and Fei-Fei, CVPR
 * 2015). Uses the `raw` captions, not the `tokens`, because vocabulary, training and scoring share one tokeniser.
 * Throws UserError, with file and field, for a file in another format.
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

/** Reads an image; Flickr's files have neither `cocoid` nor `filepath`. */
function readImage(row: Row): CaptionedImage {
  const name = row.text('filename')
  const file = relativePath(row.has('filepath') ? `${row.text('filepath')}/${name}` : name)
  if (file === undefined) return row.wrong('filename', 'a path below the folder of the images')
  return {
    id: row.has('cocoid') ? row.id('cocoid') : parse(name).name,
    file,
    split: KARPATHY_SPLITS[row.oneOf('split', PUBLISHED_SPLITS)],
    captions: [...row.rows('sentences')].map((sentence) => sentence.textOrNull('raw')),
  }
}
