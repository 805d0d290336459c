import { UserError } from '../errors.ts'

/** Pixels row by row, such as a canvas's ImageData: 8 bits for each of 1 (grey), 3 (RGB) or 4 (RGBA) channels. */
export interface Pixels {
  readonly data: Uint8Array | Uint8ClampedArray
  readonly width: number
  readonly height: number
}

/** A picture: the path of a file, its URL, its bytes, or pixels. */
export type ImageInput = string | URL | Uint8Array | ArrayBuffer | Pixels

/** A part of a picture, mirrored or not: left and top edge, width and height as fractions of the picture's. */
export interface Crop {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
  readonly mirrored: boolean
}

/**
 * The size in pixels to decode to, the part that is wanted, by default all, and a name for errors where the input is
 * bytes.
 */
export interface DecodeOptions {
  readonly width: number
  readonly height: number
  readonly crop?: Crop
  readonly name?: string
}

/** A picture made small for a page: a `data:` URL and its size in pixels. */
export interface Thumbnail {
  readonly url: string
  readonly width: number
  readonly height: number
}

/** Anything that cannot be read as a picture; `reason` is what is wrong with it, without its name. */
export class ImageError extends UserError {
  override readonly name = 'ImageError'

  constructor(
    what: string,
    readonly reason: string,
  ) {
    super(`Cannot read ${what}: ${reason}`)
  }
}

/** A host's decoder of pictures. All methods but nameOf() throw ImageError, naming the picture, for what is none. */
export interface Pictures {
  /**
   * Decodes a picture to interleaved 8-bit RGB, `[height, width, 3]`, stretched to the size asked for: upright as its
   * EXIF orientation says, transparency on white, the first frame of several.
   */
  decode(input: ImageInput, options: DecodeOptions): Promise<Uint8Array>
  /** Width and height in pixels, upright as the EXIF orientation says. */
  size(input: ImageInput): Promise<{ readonly width: number; readonly height: number }>
  /** The picture at most `size` pixels wide and high, its proportions kept. */
  thumbnail(input: ImageInput, size: number): Promise<Thumbnail>
  /** The path or URL of a picture; undefined for bytes and pixels. */
  nameOf(input: ImageInput): string | undefined
}
