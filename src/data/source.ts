/** The splits of a dataset: `train` for training, `val` for model selection, `test` for reported scores. */
export const SPLITS = ['train', 'val', 'test'] as const

/** The name of a split. */
export type Split = (typeof SPLITS)[number]

/** An image with its captions, before tokenising. */
export interface CaptionedImage {
  /** File name without extension for Flickr; COCO's number as text. */
  readonly id: string
  /** Path relative to the image root, with `/`. */
  readonly file: string
  readonly split: Split
  /** Raw captions. May be empty: prepare() skips such images and reports them. */
  readonly captions: readonly string[]
}

/** A file that a dataset was made from. */
export interface SourceFile {
  /** Absolute path. */
  readonly path: string
  /** Size in bytes. */
  readonly bytes: number
  /** SHA-256 in hexadecimal. */
  readonly sha256: string
}

/** A published dataset as its reader returns it. */
export interface Source {
  /** Name of the dataset, as in "coco2017". */
  readonly name: string
  /** Absolute path of the folder that `CaptionedImage.file` is relative to. */
  readonly imageRoot: string
  /** The files that were read. */
  readonly files: readonly SourceFile[]
  readonly images: readonly CaptionedImage[]
  /** What is missing or was skipped, in sentences for the user. */
  readonly problems: readonly string[]
}
