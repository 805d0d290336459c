import { UserError } from '../errors.ts'

/** Pixels row by row, as in a canvas's ImageData: 8 bits for each of 1 (grey), 3 (RGB) or 4 (RGBA) channels. */
export interface Pixels {
  readonly data: Uint8Array | Uint8ClampedArray
  readonly width: number
  readonly height: number
}

/** An image: the path of a file, its URL, its bytes, or pixels. */
export type ImageInput = string | URL | Uint8Array | ArrayBuffer | Pixels

/** The most bytes of an encoded image, 512 MiB: no camera writes a larger file. */
export const MAX_IMAGE_BYTES = 2 ** 29

/** The most pixels of an image: phone cameras take photographs of 200 million. */
export const MAX_PIXELS = 250e6

/** Why an image with more pixels is refused. */
export const TOO_MANY_PIXELS = `it has more than ${MAX_PIXELS / 1e6} million pixels; give a smaller copy`

/** A part of an image, mirrored or not: left and top edge, width and height as fractions of the image's. */
export interface Crop {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
  readonly mirrored: boolean
}

/** How to decode an image. */
export interface DecodeOptions {
  /** the width to resize to, in pixels */
  readonly width: number
  /** the height to resize to, in pixels */
  readonly height: number
  /** the part to decode; by default all */
  readonly crop?: Crop
  /** the name of bytes and pixels in errors */
  readonly name?: string
}

/** A small copy of an image for a page: a `data:` URL and its size in pixels. */
export interface Thumbnail {
  readonly url: string
  readonly width: number
  readonly height: number
}

/** Thrown for anything that cannot be read as an image. The message names the image; `reason` does not. */
export class ImageError extends UserError {
  override readonly name = 'ImageError'

  constructor(
    what: string,
    readonly reason: string,
  ) {
    super(`Cannot read ${what}: ${reason}`)
  }
}

/** A host's image decoder. All methods but nameOf() throw ImageError if the input cannot be read as an image. */
export interface Pictures {
  /**
   * Decodes an image to interleaved 8-bit RGB, `[height, width, 3]`, resized without keeping its proportions. Applies
   * the EXIF orientation, puts transparency on white, and takes the first frame of an animation.
   */
  decode(input: ImageInput, options: DecodeOptions): Promise<Uint8Array>
  /** Width and height in pixels, after the EXIF orientation is applied. */
  size(input: ImageInput): Promise<{ readonly width: number; readonly height: number }>
  /** A copy of the image at most `size` pixels wide and high, with the same proportions. */
  thumbnail(input: ImageInput, size: number): Promise<Thumbnail>
  /** The path or URL of an image; undefined for bytes and pixels. */
  nameOf(input: ImageInput): string | undefined
}
