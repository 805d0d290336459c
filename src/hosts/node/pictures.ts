import { readFile, stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Sharp, SharpOptions } from 'sharp'
import { describeErrno } from '../../disk/errno.ts'
import {
  type Crop,
  type DecodeOptions,
  ImageError,
  type ImageInput,
  type Pictures,
  type Pixels,
  type Thumbnail,
} from '../../engine/pictures.ts'
import { DECODABLE, type ImageKind, imageKind } from '../../vision/image-kind.ts'
import { type Picture, resizeBilinear } from '../../vision/resize.ts'

/**
 * Phones take pictures of 108 million pixels. A file of 748 kB can have 256 million, which would take a gigabyte to
 * decode.
 */
const MAX_PIXELS = 120e6
/** A larger file is not read: no camera writes one. */
const MAX_BYTES = 1 << 29

/** Truncated pictures and damaged data are refused; oddities that every viewer forgives are not. */
const LIMITS: SharpOptions = { limitInputPixels: MAX_PIXELS, failOn: 'error' }

/**
 * The decoder of pictures in Node, by libvips. Grey, CMYK, palette and 16-bit pictures become RGB. Shrinking uses a
 * triangle filter, enlarging is bilinear. Files of more than 512 MiB and pictures of more than 120 million pixels are
 * refused.
 */
export const nodePictures: Pictures = { decode, size, thumbnail, nameOf }

async function decode(input: ImageInput, { width, height, crop, name }: DecodeOptions): Promise<Uint8Array> {
  const { image, fail } = await openImage(input, name)
  const part = crop && (await cropped(image, crop).catch(fail))
  const picture = await shrunk(part ?? image.autoOrient(), width, height).catch(fail)
  return picture.width === width && picture.height === height ? picture.pixels : resizeBilinear(picture, width, height)
}

/**
 * A picture to be decoded, and what turns an error of its decoding into an ImageError. Throws ImageError for what is no
 * picture.
 */
async function openImage(input: ImageInput, name?: string): Promise<{ image: Sharp; fail: (error: unknown) => never }> {
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
    : await readPicture(input as string | URL, refuse)
  const kind = imageKind(bytes)
  if (bytes.length === 0) refuse('it is empty')
  if (!DECODABLE.includes(kind)) refuse(kindFault(kind))
  return { image: await load(bytes), fail }
}

/** The bytes of a picture's file. A FIFO or a device would never end, so that only regular files are read. */
async function readPicture(path: string | URL, refuse: (reason: string) => never): Promise<Uint8Array> {
  const found = await stat(path).catch((error) => refuse(readFault(error)))
  if (found.isDirectory()) refuse('it is a folder')
  if (!found.isFile()) refuse('it is not a regular file')
  if (found.size > MAX_BYTES) refuse(`it has ${found.size} bytes, and a picture may have ${MAX_BYTES}`)
  return readFile(path).catch((error) => refuse(readFault(error)))
}

/** A crop of the upright picture, its edges rounded to pixels. */
async function cropped(image: Sharp, { left, top, width, height, mirrored }: Crop): Promise<Sharp> {
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
  const wanted = DECODABLE.join(', ')
  if (kind === 'HEIC')
    return `it is HEIC, for which there is no free decoder; export it as JPEG (on an iPhone: Settings, Camera, Formats, Most Compatible)`
  return kind === 'unknown' ? `it is not a picture; give one of ${wanted}` : `it is ${kind}; give one of ${wanted}`
}

/** The picture made smaller where it is larger than width or height; enlarging is left to resizeBilinear(). */
async function shrunk(image: Sharp, width: number, height: number): Promise<Picture> {
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
  return sharp(bytes, LIMITS)
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
  return sharp(data, { ...LIMITS, raw: { width, height, channels: channelsOf(pixels) as 1 | 3 | 4 } })
}

/** A picture's path, if it is a file. */
function nameOf(input: ImageInput): string | undefined {
  return input instanceof URL ? (pathOf(input) ?? input.href) : typeof input === 'string' ? input : undefined
}

/** The path that a URL names on this machine; undefined where it names none, such as one of another host. */
function pathOf(url: URL): string | undefined {
  try {
    return fileURLToPath(url)
  } catch {
    return undefined
  }
}

const readFault = (error: unknown): string => describeErrno(error) ?? (error as Error).message

/** libvips repeats itself over several lines; the first says what is wrong. */
function decodeFault(message: string): string {
  if (message.includes('exceeds pixel limit'))
    return `it has more than ${MAX_PIXELS / 1e6} million pixels; give a smaller copy`
  const detail = message.replace(/^Input buffer has corrupt header:?\s*/, '').split('\n')[0]
  return `it is cut short or damaged${detail ? ` (${detail})` : ''}`
}

async function size(input: ImageInput): Promise<{ width: number; height: number }> {
  const { image, fail } = await openImage(input)
  const { autoOrient } = await image.metadata().catch(fail)
  return autoOrient
}

async function thumbnail(input: ImageInput, most: number): Promise<Thumbnail> {
  const { image, fail } = await openImage(input)
  const { data, info } = await image
    .autoOrient()
    .flatten({ background: '#fff' })
    .resize(most, most, { fit: 'inside', withoutEnlargement: true })
    .jpeg({ quality: 80 })
    .toBuffer({ resolveWithObject: true })
    .catch(fail)
  return { url: `data:image/jpeg;base64,${data.toString('base64')}`, width: info.width, height: info.height }
}
