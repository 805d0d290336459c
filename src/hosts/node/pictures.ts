import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Sharp, SharpOptions } from 'sharp'
import { UserError } from '../../errors.ts'
import type { Augmentation } from '../../vision/augmentation.ts'
import { enlarge, type Picture } from '../../vision/enlarge.ts'
import { decodable, type ImageKind, imageKind } from '../../vision/image-kind.ts'

/** Pixels as they are, row by row, such as a canvas's ImageData: 8 bits for each of 1 (grey), 3 (RGB) or 4 (RGBA) channels. */
export interface Pixels {
  readonly data: Uint8Array | Uint8ClampedArray
  readonly width: number
  readonly height: number
}

/** A picture: the path of a file, its `file:` URL, its bytes, or pixels. */
export type ImageInput = string | URL | Uint8Array | ArrayBuffer | Pixels

export interface DecodeOptions {
  readonly width: number
  readonly height: number
  /** the part of it that is wanted; without one the whole */
  readonly augmentation?: Augmentation
  /** names the picture in errors where `input` is its bytes */
  readonly name?: string
}

/** A file that is no picture or a broken one; `why` is what is wrong with it, without its name. */
export class ImageError extends UserError {
  constructor(
    what: string,
    readonly why: string,
  ) {
    super(`Cannot read ${what}: ${why}`)
  }
}

/** Telephones take pictures of 108 million pixels; one of 748 kB can have 256 million, and would take a gigabyte to decode. */
const maxPixels = 120e6

/** Pictures cut short or with damaged data are refused, oddities that every viewer forgives are not. */
const limits: SharpOptions = { limitInputPixels: maxPixels, failOn: 'error' }

/**
 * Decodes a picture to interleaved 8-bit RGB, [height, width, 3], whatever it is: turned as its EXIF orientation says; grey, CMYK, palette and
 * 16-bit pictures become RGB, transparent ones are laid on white, of moving ones the first frame is taken.
 * It is stretched to width x height: where it gets smaller with a triangle filter, where larger bilinearly.
 * Throws ImageError, naming the picture and why, for what is no picture, damaged, or larger than 50 million pixels.
 */
export async function decodeImage(
  input: ImageInput,
  { width, height, augmentation, name }: DecodeOptions,
): Promise<Uint8Array> {
  const { image, fail } = await openImage(input, name)
  const part = augmentation && (await partOf(image, augmentation).catch(fail))
  const picture = await decode(part ?? image.autoOrient(), width, height).catch(fail)
  return picture.width === width && picture.height === height ? picture.pixels : enlarge(picture, width, height)
}

/** A picture to be decoded, and what turns an error of its decoding into an ImageError. Throws ImageError for what is no picture. */
export async function openImage(
  input: ImageInput,
  name?: string,
): Promise<{ image: Sharp; fail: (error: unknown) => never }> {
  const said = nameOf(input) ?? name
  const what = `image${said === undefined ? '' : ` "${said}"`}`
  const refuse = (why: string): never => {
    throw new ImageError(what, why)
  }
  const fail = (error: unknown) => refuse(decodeFault((error as Error).message))
  const fault = inputFault(input)
  if (fault !== undefined) refuse(fault)
  if (isPixels(input)) return { image: await loadPixels(input).catch(fail), fail }
  const bytes = isBytes(input)
    ? input instanceof Uint8Array
      ? input
      : new Uint8Array(input)
    : await readFile(input as string | URL).catch((error) => refuse(readFault(error)))
  const kind = imageKind(bytes)
  if (bytes.length === 0) refuse('it is empty')
  if (!decodable.includes(kind)) refuse(kindFault(kind))
  return { image: await load(bytes), fail }
}

/** A augmentation of the picture, as it is seen, turned as its EXIF orientation says; its edges lie between pixels. */
async function partOf(image: Sharp, { left, top, width, height, mirrored }: Augmentation): Promise<Sharp> {
  const whole = (await image.metadata()).autoOrient
  const span = (from: number, length: number, of: number): [number, number] => {
    const first = Math.min(Math.round(from * of), of - 1)
    return [first, Math.max(1, Math.min(Math.round((from + length) * of), of) - first)]
  }
  const [x, wide] = span(left, width, whole.width)
  const [y, high] = span(top, height, whole.height)
  const part = image.autoOrient().extract({ left: x, top: y, width: wide, height: high })
  return mirrored ? part.flop() : part
}

function kindFault(kind: ImageKind): string {
  const wanted = decodable.join(', ')
  if (kind === 'HEIC')
    return `it is HEIC, for which there is no free decoder; export it as JPEG (on an iPhone: Settings, Camera, Formats, Most Compatible)`
  return kind === 'unknown' ? `it is not a picture; give one of ${wanted}` : `it is ${kind}; give one of ${wanted}`
}

/** The picture made smaller where it is larger than width or height; enlarging is left to enlarge(). */
async function decode(image: Sharp, width: number, height: number): Promise<Picture> {
  const { data, info } = await image
    .flatten({ background: '#fff' })
    .toColourspace('srgb')
    .resize(width, height, { fit: 'fill', kernel: 'linear', withoutEnlargement: true })
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  return { width: info.width, height: info.height, pixels: data }
}

/** sharp takes 150 ms to load, so it is loaded with the first picture. */
async function load(bytes: Uint8Array): Promise<Sharp> {
  const { default: sharp } = await import('sharp')
  return sharp(bytes, limits)
}

const isBytes = (input: ImageInput): input is Uint8Array | ArrayBuffer =>
  input instanceof Uint8Array || input instanceof ArrayBuffer

const isPixels = (input: ImageInput): input is Pixels =>
  typeof input === 'object' && !(input instanceof URL || isBytes(input))

/** What is wrong with an input that cannot be a picture; JavaScript's callers have no types to tell them. */
function inputFault(input: ImageInput): string | undefined {
  if (typeof input === 'string')
    return /^[a-z][a-z+.-]+:\/\//i.test(input)
      ? 'it is a URL as text; give a URL object of a file, or fetch it and give its bytes'
      : undefined
  if (input instanceof URL)
    return pathOf(input) === undefined ? 'it is no file of this machine; fetch it and give its bytes' : undefined
  if (isBytes(input)) return undefined
  const { data, width, height } = (input ?? {}) as Partial<Pixels>
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray))
    return 'it is no picture; give a path, a URL object of a file, bytes, or pixels as { data: Uint8Array, width, height }'
  const channels = channelsOf({ data, width: width!, height: height! })
  return channels === 1 || channels === 3 || channels === 4
    ? undefined
    : `${data.length} numbers are not ${width} x ${height} pixels of 1, 3 or 4 channels`
}

const channelsOf = ({ data, width, height }: Pixels): number => data.length / (width * height)

async function loadPixels(pixels: Pixels): Promise<Sharp> {
  const { default: sharp } = await import('sharp')
  const { data, width, height } = pixels
  return sharp(data, { ...limits, raw: { width, height, channels: channelsOf(pixels) as 1 | 3 | 4 } })
}

/** A picture's path, if it is a file. */
export const nameOf = (input: ImageInput): string | undefined =>
  input instanceof URL ? (pathOf(input) ?? input.href) : typeof input === 'string' ? input : undefined

/** The path that a URL names on this machine; undefined where it names none, such as one of another host. */
function pathOf(url: URL): string | undefined {
  try {
    return fileURLToPath(url)
  } catch {
    return undefined
  }
}

const readFault = (error: NodeJS.ErrnoException): string =>
  error.code === 'ENOENT' ? 'there is no such file' : error.code === 'EISDIR' ? 'it is a folder' : error.message

/** libvips repeats itself over several lines; the first says what is wrong. */
function decodeFault(message: string): string {
  if (message.includes('exceeds pixel limit'))
    return `it has more than ${maxPixels / 1e6} million pixels; give a smaller copy`
  const detail = message.replace(/^Input buffer has corrupt header:?\s*/, '').split('\n')[0]
  return `it is cut short or damaged${detail ? ` (${detail})` : ''}`
}

/** A picture's width and height as it is seen, turned as its EXIF orientation says. Throws ImageError for what is no picture. */
export async function pictureSize(input: ImageInput): Promise<{ width: number; height: number }> {
  const { image, fail } = await openImage(input)
  const { autoOrient } = await image.metadata().catch(fail)
  return autoOrient
}
