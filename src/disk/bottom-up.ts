import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { unzipSync } from 'fflate'
import { UserError } from '../errors.ts'
import { toFloat16 } from '../formats/float16.ts'
import { type NpyArray, parseNpy } from '../formats/npy.ts'
import { errorCode, throwFileError } from './errno.ts'
import { readBytes, readLines } from './files.ts'

/**
 * The published features of a picture as float16 bits, `[regions, size]` row by row, or the reason they cannot be used.
 */
export type BottomUpPicture = { readonly id: string } & (
  | { readonly features: Uint16Array; readonly size: number; readonly reason?: never }
  | { readonly features?: never; readonly reason: string }
)

/** The largest number of regions that the published detector returns for a picture. */
export const MOST_REGIONS = 100

const COLUMNS = ['image_id', 'image_w', 'image_h', 'num_boxes', 'boxes', 'features']

/**
 * Reads the bottom-up features (Anderson et al., CVPR 2018) of the pictures in `wanted`, from a TSV file as published
 * or from a folder with `cocobu_att/<id>.npz` or `.npy`, the format of Luo's ImageCaptioning.pytorch. Boxes, and the
 * mean features in `cocobu_fc`, are not read: no model uses them. A TSV file may have any size. Throws UserError if
 * `path` is neither; a damaged picture is returned with the reason.
 */
export async function* readBottomUp(path: string, wanted: ReadonlySet<string>): AsyncGenerator<BottomUpPicture> {
  const found = await stat(path).catch((error) => {
    if (errorCode(error) === 'ENOENT')
      throw new UserError(`Cannot read bottom-up features "${path}": there is no such file or folder`)
    return throwFileError('read bottom-up features', path, error)
  })
  yield* found.isDirectory() ? readFolder(path, wanted) : readTsv(path, wanted)
}

async function* readTsv(path: string, wanted: ReadonlySet<string>): AsyncGenerator<BottomUpPicture> {
  let number = 0
  for await (const line of readLines(path, 'bottom-up features')) {
    number += 1
    const id = line.slice(0, Math.max(0, line.indexOf('\t')))
    if (id === '' && line.trim() !== '')
      yield { id: `line ${number}`, reason: `line ${number} of "${path}" has no tab` }
    if (!wanted.has(id)) continue
    const parsed = parseTsvLine(line.replace(/\r$/, ''))
    yield 'reason' in parsed ? { id, reason: `line ${number} of "${path}" ${parsed.reason}` } : { id, ...parsed }
  }
}

type Checked = { readonly features: Uint16Array; readonly size: number } | { readonly reason: string }

function parseTsvLine(line: string): Checked {
  const fields = line.split('\t')
  if (fields.length !== COLUMNS.length)
    return { reason: `has ${fields.length} fields, not the ${COLUMNS.length} ${COLUMNS.join(', ')}` }
  const count = Number(fields[3])
  if (!Number.isInteger(count) || count < 1)
    return { reason: count === 0 ? 'has no regions' : `has ${fields[3]} boxes` }
  const features = fromBase64(fields[5]!)
  if (!features || features.length === 0 || features.length % count !== 0)
    return { reason: `has features that are not ${count} rows of float32 numbers in base64` }
  return checked({ shape: [count, features.length / count], data: features })
}

/** Float32 numbers from base64; undefined if the text is not base64 of whole float32 numbers. */
function fromBase64(text: string): Float32Array | undefined {
  const bytes = Buffer.from(text, 'base64')
  const whole = bytes.length % 4 === 0 && bytes.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '')
  return whole ? new Float32Array(Uint8Array.from(bytes).buffer) : undefined
}

async function* readFolder(path: string, wanted: ReadonlySet<string>): AsyncGenerator<BottomUpPicture> {
  const folder = join(path, 'cocobu_att')
  const names = new Set(
    await readdir(folder).catch((error) =>
      errorCode(error) === 'ENOENT' ? [] : throwFileError('read bottom-up features', folder, error),
    ),
  )
  if (names.size === 0)
    throw new UserError(
      `Cannot read bottom-up features "${path}": the folder has no "cocobu_att" with a file for each picture; give it, or a TSV file`,
    )
  for (const id of wanted) {
    const file = [`${id}.npz`, `${id}.npy`].find((name) => names.has(name))
    if (!file) continue
    const place = join(folder, file)
    try {
      const features = readArray(await readBytes(place, 'features'), place)
      if (features.shape.length !== 2)
        throw new UserError(`"${place}" has shape [${features.shape.join(', ')}], not [regions, size]`)
      const parsed = checked(features)
      yield 'reason' in parsed ? { id, reason: `"${place}" ${parsed.reason}` } : { id, ...parsed }
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      yield { id, reason: error.message }
    }
  }
}

/** The array of a .npy file; of a .npz file the array `feat`, or its only one. */
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
    throw new UserError(`Cannot read "${path}": it is not a .npz file, or cut short (${(error as Error).message})`)
  }
}

/** Features `[regions, size]` as float16, or the reason a model cannot use them. */
function checked({ shape, data }: NpyArray): Checked {
  const [count, size] = shape as [number, number]
  if (count === 0) return { reason: 'has no regions' }
  if (count > MOST_REGIONS) return { reason: `has ${count} regions; the most is ${MOST_REGIONS}` }
  const features = toFloat16(data)
  for (let region = 0; region < count; region++) {
    const row = features.subarray(region * size, (region + 1) * size)
    if (row.some((half) => (half & 0x7c00) === 0x7c00))
      return { reason: `has numbers in region ${region} that are not finite` }
    if (!row.some((half) => (half & 0x7fff) !== 0)) return { reason: `has nothing but zeros in region ${region}` }
  }
  return { features, size }
}
