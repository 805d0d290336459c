import { readFile, stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Metadata, Sharp, SharpOptions } from 'sharp'
import { describeErrno } from '../../disk/errno.ts'
import {
  type Crop,
  type DecodeOptions,
  ImageError,
  type ImageInput,
  MAX_IMAGE_BYTES,
  MAX_PIXELS,
  type Pictures,
  type Pixels,
  type Thumbnail,
  TOO_MANY_PIXELS,
} from '../../engine/pictures.ts'
import { DECODABLE, type ImageKind, imageKind, kindByName, kindReason } from '../../vision/image-kind.ts'
import { type Picture, resizeBilinear } from '../../vision/resize.ts'

/**
 * Larger files and images are decoded one at a time. Most are shrunk while they are decoded, which takes some 100 MB;
 * progressive JPEG, interlaced PNG, GIF, AVIF and lossless WebP take up to four bytes per pixel.
 */
const LARGE_BYTES = 1 << 24
const LARGE_PIXELS = 40e6

/** Truncated and damaged images are errors; the warnings of libvips are not. */
const LIMITS: SharpOptions = { limitInputPixels: MAX_PIXELS, failOn: 'error' }

/**
 * The image decoder in Node, by libvips. Grey, CMYK, palette and 16-bit images become RGB. Shrinking uses a triangle
 * filter, enlarging is bilinear. Throws ImageError for files of more than 512 MiB and images of more than 250 million
 * pixels.
 */
export const nodePictures: Pictures = { decode, size, thumbnail, nameOf }

async function decode(input: ImageInput, { width, height, crop, name }: DecodeOptions): Promise<Uint8Array> {
  const picture = await withImage(input, name, async ({ image, whole, fail }) => {
    const part = crop ? cropped(image, crop, whole) : image.autoOrient()
    return shrunk(part, width, height).catch(fail)
  })
  return picture.width === width && picture.height === height ? picture.pixels : resizeBilinear(picture, width, height)
}

/** An image to be decoded. */
interface OpenImage {
  readonly image: Sharp
  /** its size when upright */
  readonly whole: Size
  /** turns an error of the decoder into an ImageError */
  readonly fail: (error: unknown) => never
}

interface Size {
  readonly width: number
  readonly height: number
}

/** Opens an image for `work`; large ones wait for each other. Throws ImageError if the input cannot be read as one. */
async function withImage<T>(
  input: ImageInput,
  name: string | undefined,
  work: (open: OpenImage) => Promise<T>,
): Promise<T> {
  const said = nameOf(input) ?? name
  const refuse = (why: string): never => {
    throw new ImageError(`image${said === undefined ? '' : ` "${said}"`}`, why)
  }
  const fail = (error: unknown) => refuse(decodeFault((error as Error).message))
  const fault = inputFault(input)
  if (fault !== undefined) refuse(fault)
  const open = async (image: Sharp, bytes?: number): Promise<OpenImage> => {
    const metadata = await image.metadata().catch(fail)
    const { width, height, autoOrient } = metadata
    if (width * height > MAX_PIXELS) refuse(TOO_MANY_PIXELS)
    if (metadata.format === 'heif' && Math.max(width, height) > MOST_AV1)
      refuse(`it is damaged (its header says ${width} x ${height} pixels, and AVIF has at most ${MOST_AV1} a side)`)
    if (bytes !== undefined && bytes < leastBytes(metadata))
      refuse(`it is cut short or damaged (${bytes} bytes cannot hold ${width} x ${height} pixels)`)
    return { image, whole: autoOrient, fail }
  }
  const workOn = async (image: OpenImage): Promise<T> =>
    image.whole.width * image.whole.height > LARGE_PIXELS ? alone(() => work(image)) : work(image)
  if (isPixels(input)) return workOn(await open(await loadPixels(input).catch(fail)))
  const load = async (bytes: Uint8Array): Promise<OpenImage> => {
    if (bytes.length === 0) refuse('it is empty')
    const kind = kindOf(bytes, said)
    if (!DECODABLE.includes(kind)) refuse(kindReason(kind))
    const { default: sharp } = await import('sharp') // takes 150 ms, so it is loaded with the first picture
    return open(sharp(bytes, LIMITS), bytes.length)
  }
  if (isBytes(input)) return workOn(await load(input instanceof Uint8Array ? input : new Uint8Array(input)))
  const path = input as string | URL
  const bytes = await checkFile(path, refuse)
  const read = async (): Promise<OpenImage> => load(await readFile(path).catch((error) => refuse(readFault(error))))
  return bytes > LARGE_BYTES ? alone(async () => work(await read())) : workOn(await read())
}

/** The most pixels of a side of an AV1 frame. The decoder takes gigabytes for a header that says more. */
const MOST_AV1 = 65_536
/** Deflate packs at most so many bytes into one (RFC 1951: 258 bytes into two bits). */
const MOST_DEFLATED = 1032
/** The LZW of GIF packs at most so many pixels into one byte (4,096, its longest string, into a code of 12 bits). */
const MOST_LZW = (4096 * 8) / 12
/** The screen of a GIF may be larger than its frames: so many pixels of it may be empty. */
const EMPTY_PIXELS = 1e6

/**
 * The fewest bytes of a PNG or GIF file with those pixels, else 0. A damaged header may say 250 million pixels, for
 * which the decoder would take gigabytes and seconds before it misses them.
 */
function leastBytes({ format, width, height, bitsPerSample, isPalette, channels }: Metadata): number {
  const pixels = width * height
  if (format === 'gif') return Math.max(0, pixels - EMPTY_PIXELS) / MOST_LZW
  if (format !== 'png') return 0
  return (pixels * (isPalette ? 1 : channels) * (bitsPerSample ?? 1)) / 8 / MOST_DEFLATED
}

/** The work on the previous large image. */
let last: Promise<unknown> = Promise.resolve()

/** Does work on a large image after the work on the previous one. */
function alone<T>(work: () => Promise<T>): Promise<T> {
  const done = last.then(work)
  last = done.catch(() => {})
  return done
}

/**
 * The format of an image. RAW files are often TIFF files with a thumbnail, and TGA has no signature: for these the name
 * decides.
 */
function kindOf(bytes: Uint8Array, name: string | undefined): ImageKind {
  const kind = imageKind(bytes)
  const named = name === undefined ? undefined : kindByName(name)
  return (kind === 'TIFF' && named === 'RAW') || (kind === 'unknown' && (named === 'RAW' || named === 'TGA'))
    ? named
    : kind
}

/**
 * Returns the size of an image's file in bytes. Throws ImageError if it is not a regular file: a FIFO or a device would
 * never end.
 */
async function checkFile(path: string | URL, refuse: (reason: string) => never): Promise<number> {
  const found = await stat(path).catch((error) => refuse(readFault(error)))
  if (found.isDirectory()) refuse('it is a folder')
  if (!found.isFile()) refuse('it is not a regular file')
  if (found.size > MAX_IMAGE_BYTES) refuse(`it has ${found.size} bytes, and an image may have ${MAX_IMAGE_BYTES}`)
  return found.size
}

/** A crop of the upright image, its edges rounded to pixels. */
function cropped(image: Sharp, { left, top, width, height, mirrored }: Crop, whole: Size): Sharp {
  const span = (from: number, length: number, of: number): [number, number] => {
    const first = Math.min(Math.round(from * of), of - 1)
    return [first, Math.max(1, Math.min(Math.round((from + length) * of), of) - first)]
  }
  const [x, wide] = span(left, width, whole.width)
  const [y, high] = span(top, height, whole.height)
  const part = image.autoOrient().extract({ left: x, top: y, width: wide, height: high })
  return mirrored ? part.flop() : part
}

/** The image shrunk to width and height where it is larger; resizeBilinear() does the enlarging. */
async function shrunk(image: Sharp, width: number, height: number): Promise<Picture> {
  const { data, info } = await image
    .flatten({ background: '#fff' })
    .toColourspace('srgb')
    .resize(width, height, { fit: 'fill', kernel: 'linear', withoutEnlargement: true })
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  return { width: info.width, height: info.height, pixels: data }
}

const isBytes = (input: ImageInput): input is Uint8Array | ArrayBuffer =>
  input instanceof Uint8Array || input instanceof ArrayBuffer

const isPixels = (input: ImageInput): input is Pixels =>
  typeof input === 'object' && !(input instanceof URL || isBytes(input))

/** Why an input cannot be an image, or undefined. JavaScript callers have no type checker. */
function inputFault(input: ImageInput): string | undefined {
  if (typeof input === 'string')
    return /^([a-z][a-z+.-]+:\/\/|data:)/i.test(input)
      ? 'it is a URL as text; give a URL object of a file, or fetch it and give its bytes'
      : undefined
  if (input instanceof URL)
    return pathOf(input) === undefined ? 'it is not a file on this machine; fetch it and give its bytes' : undefined
  if (isBytes(input)) return undefined
  const { data, width, height } = (input ?? {}) as Partial<Pixels>
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray))
    return 'it is not an image; give a path, a URL object of a file, bytes, or pixels as { data: Uint8Array, width, height }'
  const channels = channelsOf({ data, width: width!, height: height! })
  return channels === 1 || channels === 3 || channels === 4
    ? undefined
    : `${data.length} numbers are not ${width} x ${height} pixels of 1, 3 or 4 channels`
}

const channelsOf = ({ data, width, height }: Pixels): number => data.length / (width * height)

async function loadPixels(pixels: Pixels): Promise<Sharp> {
  const { default: sharp } = await import('sharp')
  const { data, width, height } = pixels
  return sharp(data, { ...LIMITS, raw: { width, height, channels: channelsOf(pixels) as 1 | 3 | 4 } })
}

/** The path or URL of an image. */
function nameOf(input: ImageInput): string | undefined {
  return input instanceof URL ? (pathOf(input) ?? input.href) : typeof input === 'string' ? input : undefined
}

/** The path of a file URL; undefined for URLs of other schemes or hosts. */
function pathOf(url: URL): string | undefined {
  try {
    return fileURLToPath(url)
  } catch {
    return undefined
  }
}

const readFault = (error: unknown): string => describeErrno(error) ?? (error as Error).message

/** The reason of a libvips error. Its message repeats itself over several lines; the first is enough. */
function decodeFault(message: string): string {
  if (message.includes('exceeds pixel limit')) return TOO_MANY_PIXELS
  const detail = message.replace(/^Input buffer has corrupt header:?\s*/, '').split('\n')[0]
  return `it is cut short or damaged${detail ? ` (${detail})` : ''}`
}

async function size(input: ImageInput): Promise<Size> {
  return withImage(input, undefined, async ({ whole }) => whole)
}

async function thumbnail(input: ImageInput, most: number): Promise<Thumbnail> {
  const { data, info } = await withImage(input, undefined, ({ image, fail }) =>
    image
      .autoOrient()
      .flatten({ background: '#fff' })
      .resize(most, most, { fit: 'inside', withoutEnlargement: true })
      .jpeg({ quality: 80 })
      .toBuffer({ resolveWithObject: true })
      .catch(fail),
  )
  return { url: `data:image/jpeg;base64,${data.toString('base64')}`, width: info.width, height: info.height }
}
