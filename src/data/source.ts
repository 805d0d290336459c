/** The parts of a dataset: learn from `train`, choose by `val`, report on `test`. */
export const splits = ['train', 'val', 'test'] as const
export type Split = (typeof splits)[number]

/** An image as its data set describes it, before tokenising. */
export interface CaptionedImage {
  /** Flickr's file stem, or COCO's number as text. */
  readonly id: string
  /** Relative to the image root, with `/`. */
  readonly file: string
  readonly split: Split
  /** May be empty: preparing leaves such an image out and says so. */
  readonly captions: readonly string[]
}

/** A file that was read, so that a dataset says what it was made of. */
export interface SourceFile {
  readonly path: string
  readonly bytes: number
  readonly sha256: string
}

/** What a reader of a published data set gives. `problems` are sentences: what was expected and not found. */
export interface Source {
  readonly name: string
  readonly imageRoot: string
  readonly files: readonly SourceFile[]
  readonly images: readonly CaptionedImage[]
  readonly problems: readonly string[]
}
