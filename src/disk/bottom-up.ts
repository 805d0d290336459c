import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { unzipSync } from 'fflate'
import { UserError } from '../errors.ts'
import { toFloat16 } from '../formats/float16.ts'
import { type NpyArray, parseNpy } from '../formats/npy.ts'
import type { Regions } from '../vision/regions.ts'
import { readBytes, readLines } from './files.ts'

/** Regions of a picture as they were published, or why they cannot be used. */
export type BottomUpPicture = { readonly id: string } & (
  | { readonly regions: Regions /** numbers of a region */; readonly size: number; readonly why?: never }
  | { readonly regions?: never; readonly why: string }
)

/** The most regions that the published detector gives a picture. */
const MOST = 100

/** Width and height of a picture in pixels, by its id; undefined where it cannot be seen. */
export type SizeOf = (id: string) => Promise<{ readonly width: number; readonly height: number } | undefined>

/**
 * Reads bottom-up features (Anderson et al., CVPR 2018) of the pictures that `wanted` says: a TSV file as published, or the folder that others
 * converted it to, `cocobu_att/<id>.npz` or `.npy` with boxes in `cocobu_box_relative/<id>.npy`, or in pixels in `cocobu_box/<id>.npy`, for which
 * `sizeOf` is asked. `cocobu_fc`, the mean region, is not read: models take the mean themselves. A file of any size is read line by line.
 * Throws UserError where there is neither.
 */
export async function* readBottomUp(
  path: string,
  wanted: ReadonlySet<string>,
  sizeOf: SizeOf,
): AsyncGenerator<BottomUpPicture> {
  const found = await stat(path).catch(() => undefined)
  if (!found) throw new UserError(`Cannot read bottom-up features "${path}": there is no such file or folder`)
  yield* found.isDirectory() ? readFolder(path, wanted, sizeOf) : readTsv(path, wanted)
}

const COLUMNS = ['image_id', 'image_w', 'image_h', 'num_boxes', 'boxes', 'features']

async function* readTsv(path: string, wanted: ReadonlySet<string>): AsyncGenerator<BottomUpPicture> {
  let number = 0
  for await (const line of readLines(path, 'bottom-up features')) {
    number += 1
    const id = line.slice(0, Math.max(0, line.indexOf('\t')))
    if (id === '' && line.trim() !== '') yield { id: `line ${number}`, why: `line ${number} of "${path}" has no tab` }
    if (!wanted.has(id)) continue
    const parsed = parseTsvLine(line.replace(/\r$/, ''))
    yield 'why' in parsed ? { id, why: `line ${number} of "${path}" ${parsed.why}` } : { id, ...parsed }
  }
}

function parseTsvLine(line: string): Checked {
  const fields = line.split('\t')
  if (fields.length !== COLUMNS.length)
    return { why: `has ${fields.length} fields, not the ${COLUMNS.length} ${COLUMNS.join(', ')}` }
  const [, width, height, count] = fields.map(Number) as [number, number, number, number]
  if (!(width > 0 && height > 0)) return { why: `has a picture of ${fields[1]} x ${fields[2]} pixels` }
  if (!Number.isInteger(count) || count < 1) return { why: count === 0 ? 'has no regions' : `has ${fields[3]} boxes` }
  const [boxes, features] = [fields[4]!, fields[5]!].map(fromBase64) as [
    Float32Array | undefined,
    Float32Array | undefined,
  ]
  if (boxes?.length !== 4 * count) return { why: `has boxes that are not ${count} times 4 float32 numbers in base64` }
  if (!features || features.length === 0 || features.length % count !== 0)
    return { why: `has features that are not ${count} rows of float32 numbers in base64` }
  return checked({ shape: [count, features.length / count], data: features }, inParts(boxes, { width, height }))
}

/** Boxes in pixels, x1 y1 x2 y2, as parts of their picture's width and height. */
const inParts = (boxes: Float32Array, { width, height }: { width: number; height: number }): Float32Array =>
  boxes.map((edge, i) => edge / (i % 2 === 0 ? width : height))

/** undefined where the text is no base64 of whole float32 numbers. */
function fromBase64(text: string): Float32Array | undefined {
  const bytes = Buffer.from(text, 'base64')
  const whole = bytes.length % 4 === 0 && bytes.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '')
  return whole ? new Float32Array(Uint8Array.from(bytes).buffer) : undefined
}

async function* readFolder(path: string, wanted: ReadonlySet<string>, sizeOf: SizeOf): AsyncGenerator<BottomUpPicture> {
  const names = new Set(await readdir(join(path, 'cocobu_att')).catch(() => []))
  if (names.size === 0)
    throw new UserError(
      `Cannot read bottom-up features "${path}": the folder has no "cocobu_att" with a file for each picture; give it, or a TSV file`,
    )
  for (const id of wanted) {
    const file = [`${id}.npz`, `${id}.npy`].find((name) => names.has(name))
    if (!file) continue
    const place = join(path, 'cocobu_att', file)
    try {
      const features = readArray(await readBytes(place, 'features'), place)
      const boxes = await readBoxes(path, id, sizeOf)
      if (features.shape.length !== 2)
        throw new UserError(`"${place}" has shape [${features.shape.join(', ')}], not rows`)
      if (boxes && boxes.shape.join() !== `${features.shape[0]},4`)
        throw new UserError(`"${place}" has ${features.shape[0]} regions, its boxes are [${boxes.shape.join(', ')}]`)
      const parsed = checked(features, boxes?.data)
      yield 'why' in parsed ? { id, why: `"${place}" ${parsed.why}` } : { id, ...parsed }
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      yield { id, why: error.message }
    }
  }
}

/** A .npy file, or of a .npz file the array `feat`, or the only one. */
function readArray(bytes: Uint8Array, path: string): NpyArray {
  if (!path.endsWith('.npz')) return parseNpy(bytes, `"${path}"`)
  const entries = readZip(bytes, path)
  const [only, ...others] = Object.values(entries)
  const array = entries['feat.npy'] ?? (others.length === 0 ? only : undefined)
  if (!array)
    throw new UserError(`"${path}" has ${only ? `${Object.keys(entries).join(', ')}` : 'nothing'} in it, and no "feat"`)
  return parseNpy(array, `"${path}"`)
}

function readZip(bytes: Uint8Array, path: string): Record<string, Uint8Array> {
  try {
    return unzipSync(bytes)
  } catch (error) {
    throw new UserError(`Cannot read "${path}": it is no .npz file, or cut short (${(error as Error).message})`)
  }
}

/** A picture's boxes in parts of its width and height; undefined where there are none, or none that can be told without the picture. */
async function readBoxes(path: string, id: string, sizeOf: SizeOf): Promise<NpyArray | undefined> {
  const relative = await readOptional(join(path, 'cocobu_box_relative', `${id}.npy`))
  if (relative) return relative
  const pixels = await readOptional(join(path, 'cocobu_box', `${id}.npy`))
  const size = pixels && (await sizeOf(id))
  return size && { ...pixels, data: inParts(pixels.data, size) }
}

async function readOptional(path: string): Promise<NpyArray | undefined> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new UserError(`Cannot read boxes "${path}": ${error.code}`)
  })
  return bytes && parseNpy(bytes, `boxes "${path}"`)
}

type Checked = { readonly regions: Regions; readonly size: number } | { readonly why: string }

/** Regions, if they are what a model can use. */
function checked({ shape, data }: NpyArray, boxes: Float32Array | undefined): Checked {
  const [count, size] = shape as [number, number]
  if (count === 0) return { why: 'has no regions' }
  if (count > MOST) return { why: `has ${count} regions; the most is ${MOST}` }
  const features = toFloat16(data)
  for (let region = 0; region < count; region++) {
    const row = features.subarray(region * size, (region + 1) * size)
    if (row.some((half) => (half & 0x7c00) === 0x7c00))
      return { why: `has numbers in region ${region} that are not finite` }
    if (!row.some((half) => (half & 0x7fff) !== 0)) return { why: `has nothing but zeros in region ${region}` }
  }
  if (boxes?.some((edge) => !Number.isFinite(edge))) return { why: 'has boxes with numbers that are not finite' }
  return { regions: { features, ...(boxes && { boxes }) }, size }
}
