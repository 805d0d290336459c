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
import { DECODABLE, type ImageKind, imageKind, kindReason } from '../../vision/image-kind.ts'
import { resizeBilinear } from '../../vision/resize.ts'
import { BoxAverage, STRIP_ROWS, shrinkLinear, shrinkPlan } from '../../vision/shrink.ts'

/** Pixels drawn to a canvas at a time: browsers limit a canvas, some to 16 million, and this takes 16 MB. */
const STRIP_PIXELS = 4e6

/**
 * The image decoder of the browser. It reads JPEG, PNG, GIF, WebP and AVIF, and what else the browser knows, but no
 * SVG. Images are resized as libvips does in Node, so that captions are the same: the browser's own resizing has
 * another filter. Throws ImageError for more than 512 MiB or 250 million pixels, and for paths: a page cannot read
 * them.
 */
export const webPictures: Pictures = { decode, size, thumbnail, nameOf }

async function decode(input: ImageInput, { width, height, crop, name }: DecodeOptions): Promise<Uint8Array> {
  return withBitmap(input, name, (bitmap, kind) => {
    const part = crop ? cropped(crop, bitmap) : { x: 0, y: 0, width: bitmap.width, height: bitmap.height }
    // sharp decodes a crop at full size
    const plan = shrinkPlan(part, { width, height }, kind === 'JPEG' && !crop)
    const average = new BoxAverage(part, plan)
    for (const strip of strips(bitmap, part)) average.add(strip)
    const shrunk = shrinkLinear(average.finish(), plan, { width, height }, STRIP_ROWS[kind ? 'file' : 'pixels'])
    const pixels =
      shrunk.width === width && shrunk.height === height ? shrunk.pixels : resizeBilinear(shrunk, width, height)
    return crop?.mirrored ? mirrored(pixels, width) : pixels
  })
}

async function size(input: ImageInput): Promise<{ width: number; height: number }> {
  return withBitmap(input, undefined, ({ width, height }) => ({ width, height }))
}

async function thumbnail(input: ImageInput, most: number): Promise<Thumbnail> {
  return withBitmap(input, undefined, async (bitmap) => {
    const scale = Math.min(1, most / bitmap.width, most / bitmap.height)
    const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)))
    const { canvas, context } = whiteCanvas(width!, height!)
    context.imageSmoothingQuality = 'high'
    context.drawImage(bitmap, 0, 0, width!, height!)
    const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.8 })
    return { url: dataUrl(new Uint8Array(await blob.arrayBuffer())), width: width!, height: height! }
  })
}

/** The address of a URL; undefined for bytes and pixels. */
function nameOf(input: ImageInput): string | undefined {
  return input instanceof URL ? input.href : typeof input === 'string' ? input : undefined
}

/** Decodes an image upright for `work`. Throws ImageError if the browser cannot. */
async function withBitmap<T>(
  input: ImageInput,
  name: string | undefined,
  work: (bitmap: ImageBitmap, kind: ImageKind | undefined) => T | Promise<T>,
): Promise<T> {
  const said = nameOf(input) ?? name
  const refuse = (why: string): never => {
    throw new ImageError(`image${said === undefined ? '' : ` "${said}"`}`, why)
  }
  if (typeof input === 'string' || input instanceof URL)
    return refuse('a page cannot read a path; fetch it and give its bytes')
  const { source, kind } = isBytes(input)
    ? encoded(input, refuse)
    : { source: imageData(input, refuse), kind: undefined }
  const bitmap = await createImageBitmap(source).catch(() =>
    refuse(
      kind === undefined || DECODABLE.includes(kind)
        ? `this browser cannot decode it${kind === undefined ? '' : `: it is ${kind}, or was`}, and is perhaps cut short or damaged`
        : kindReason(kind),
    ),
  )
  try {
    if (bitmap.width * bitmap.height > MAX_PIXELS) refuse(TOO_MANY_PIXELS)
    return await work(bitmap, kind)
  } finally {
    bitmap.close()
  }
}

/** The bytes of a file for the browser's decoder, and their format. */
function encoded(input: Uint8Array | ArrayBuffer, refuse: (why: string) => never) {
  const bytes = input instanceof Uint8Array ? input : new Uint8Array(input)
  if (bytes.length === 0) refuse('it is empty')
  if (bytes.length > MAX_IMAGE_BYTES) refuse(`it has ${bytes.length} bytes, and an image may have ${MAX_IMAGE_BYTES}`)
  const kind = imageKind(bytes)
  if (kind === 'SVG') refuse(kindReason(kind))
  return { source: new Blob([bytes as Uint8Array<ArrayBuffer>]), kind }
}

/** Pixels as the browser has them, RGBA. */
function imageData({ data, width, height }: Pixels, refuse: (why: string) => never): ImageData {
  const channels = data.length / (width * height)
  if (channels !== 1 && channels !== 3 && channels !== 4)
    return refuse(`${data.length} numbers are not ${width} x ${height} pixels of 1, 3 or 4 channels`)
  const rgba = new Uint8ClampedArray(width * height * 4).fill(255)
  for (let pixel = 0; pixel < width * height; pixel++)
    for (let channel = 0; channel < Math.max(3, channels); channel++)
      rgba[4 * pixel + channel] = data[channels * pixel + (channels === 1 ? 0 : channel)]!
  return new ImageData(rgba, width, height)
}

const isBytes = (input: ImageInput): input is Uint8Array | ArrayBuffer =>
  input instanceof Uint8Array || input instanceof ArrayBuffer

/** A part of an image in pixels. */
interface Part {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** A crop with its edges rounded to pixels, as in Node. */
function cropped({ left, top, width, height }: Crop, image: ImageBitmap): Part {
  const span = (from: number, length: number, of: number): [number, number] => {
    const first = Math.min(Math.round(from * of), of - 1)
    return [first, Math.max(1, Math.min(Math.round((from + length) * of), of) - first)]
  }
  const [x, wide] = span(left, width, image.width)
  const [y, high] = span(top, height, image.height)
  return { x, y, width: wide, height: high }
}

/** The pixels of a part on white, as RGBA, a few rows at a time from the top. */
function* strips(bitmap: ImageBitmap, { x, y, width, height }: Part): Generator<Uint8ClampedArray> {
  const most = Math.max(1, Math.floor(STRIP_PIXELS / width))
  for (let top = 0; top < height; top += most) {
    const rows = Math.min(most, height - top)
    const { context } = whiteCanvas(width, rows)
    context.drawImage(bitmap, x, y + top, width, rows, 0, 0, width, rows)
    yield context.getImageData(0, 0, width, rows).data
  }
}

function whiteCanvas(width: number, height: number) {
  const canvas = new OffscreenCanvas(width, height)
  const context = canvas.getContext('2d', { willReadFrequently: true })!
  context.fillStyle = '#fff'
  context.fillRect(0, 0, width, height)
  return { canvas, context }
}

/** An image with its left and right exchanged. */
function mirrored(pixels: Uint8Array, width: number): Uint8Array {
  const result = new Uint8Array(pixels.length)
  for (let at = 0; at < pixels.length; at += 3) {
    const row = at - (at % (3 * width))
    result.set(pixels.subarray(at, at + 3), row + 3 * (width - 1) - (at - row))
  }
  return result
}

function dataUrl(jpeg: Uint8Array): string {
  let text = ''
  for (const byte of jpeg) text += String.fromCharCode(byte)
  return `data:image/jpeg;base64,${btoa(text)}`
}
