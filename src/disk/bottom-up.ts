import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { cocoNumberOf, numberOf, stemOf } from '../annotations/ids.ts'
import { isZip, unzipEntry, zipEntries } from '../annotations/zip-entries.ts'
import { UserError } from '../errors.ts'
import { toFloat16 } from '../formats/float16.ts'
import { type NpyArray, parseNpy } from '../formats/npy.ts'
import { errorCode, throwFileError } from './errno.ts'
import { openForReading, readBytes, readLines } from './files.ts'

/**
 * The published features of a picture as float16 bits, `[regions, size]` row by row, or the reason they cannot be used.
 */
export type BottomUpPicture = { readonly id: string } & (
  | { readonly features: Uint16Array; readonly size: number; readonly reason?: never }
  | { readonly features?: never; readonly reason: string }
)

/** The largest number of regions that the published detector returns for a picture. */
export const MOST_REGIONS = 100

/** The columns of the fields by a line's number of columns: as published, and as LXMERT's extraction writes them. */
const LAYOUTS: Readonly<Record<number, { readonly boxes: number; readonly features: number }>> = {
  6: { boxes: 3, features: 5 }, // image_id, image_w, image_h, num_boxes, boxes, features
  10: { boxes: 7, features: 9 }, // img_id, img_h, img_w, objects and attributes, num_boxes, boxes, features
}

const READ_FORMS = 'give a TSV file as published, or a folder with a .npy or .npz file for each picture'

/** Files that hold features in other forms, by their first bytes, and what to do. */
const OTHER_KINDS: readonly { readonly begins: string; readonly is: string; readonly advice: string }[] = [
  { begins: '\x89HDF', is: 'HDF5', advice: READ_FORMS },
  { begins: 'PK\x03\x04', is: 'a zip archive', advice: 'unpack it and give the TSV file' },
  { begins: '\x1f\x8b', is: 'gzip', advice: 'unpack it with "gunzip" and give the TSV file' },
  { begins: '\x93NUMPY', is: 'a NumPy array', advice: 'give the folder of the .npy files' },
  { begins: '\x80', is: 'a Python pickle or another binary file', advice: READ_FORMS },
]

/**
 * Reads the bottom-up features (Anderson et al., CVPR 2018) of the pictures in `wanted`, from a TSV file as published
 * or as LXMERT writes it (Tan and Bansal, 2019), with quotes or Python's `b'...'` around fields too, or from a folder
 * of `<id>.npz` or `.npy`, perhaps in `cocobu_att`, the format of Luo's ImageCaptioning.pytorch. Ids are the same with
 * leading zeros and as COCO's file names. Boxes, and the mean features in `cocobu_fc`, are not read: no model uses
 * them. A TSV file may have any size. Only the pictures in `missing` are read, by default all. Throws UserError if
 * `path` is neither; a damaged picture is returned with the reason.
 */
export async function* readBottomUp(
  path: string,
  wanted: ReadonlySet<string>,
  missing: ReadonlySet<string> = wanted,
): AsyncGenerator<BottomUpPicture> {
  const found = await stat(path).catch((error) => {
    if (errorCode(error) === 'ENOENT')
      throw new UserError(`Cannot read bottom-up features "${path}": there is no such file or folder`)
    return throwFileError('read bottom-up features', path, error)
  })
  const resolve = resolver(wanted) // of all: an id that fits two pictures must not fit the one that is missing
  const idOf: Resolve = (given) => {
    const id = resolve(given)
    return id !== undefined && missing.has(id) ? id : undefined
  }
  yield* found.isDirectory() ? readFolder(path, idOf, missing) : readTsv(path, idOf)
}

/** The first id in a TSV file or folder of bottom-up features, as it is written; undefined if it has no ids. */
export async function firstBottomUpId(path: string): Promise<string | undefined> {
  if ((await stat(path)).isDirectory()) {
    const { names } = await listArrays(path)
    return names[0]
  }
  for await (const line of readLines(path, 'bottom-up features')) {
    const id = bare(line.split('\t', 1)[0]!)
    if (id !== '') return id
  }
  return undefined
}

/** Returns the wanted id that an id of the features names, or undefined. */
type Resolve = (id: string) => string | undefined

/** Ids are equal, or equal as numbers, or the number of a COCO file name, or file names without folder and ending. */
function resolver(wanted: ReadonlySet<string>): Resolve {
  const byKey = new Map<string, string | undefined>()
  for (const id of wanted)
    for (const key of new Set([keyOf(id), stemOf(id)])) byKey.set(key, byKey.has(key) ? undefined : id) // none if two fit
  return (id) => (wanted.has(id) ? id : (byKey.get(keyOf(id)) ?? byKey.get(stemOf(id))))
}

const keyOf = (id: string): string => numberOf(stemOf(id)) ?? cocoNumberOf(id) ?? stemOf(id)

/** A field without quotes or Python's `b'...'` around it, as `str()` of bytes writes it. */
const bare = (field: string): string => /^b?(["'])(.*)\1$/s.exec(field)?.[2] ?? field

async function* readTsv(path: string, idOf: Resolve): AsyncGenerator<BottomUpPicture> {
  await refuseOtherKinds(path)
  let number = 0
  for await (const line of readLines(path, 'bottom-up features')) {
    number += 1
    const given = line.slice(0, Math.max(0, line.indexOf('\t')))
    if (given === '' && line.trim() !== '')
      yield { id: `line ${number}`, reason: `line ${number} of "${path}" has no tab` }
    const id = given === '' ? undefined : idOf(bare(given))
    if (id === undefined) continue
    const parsed = parseTsvLine(line.replace(/\r$/, ''))
    yield 'reason' in parsed ? { id, reason: `line ${number} of "${path}" ${parsed.reason}` } : { id, ...parsed }
  }
}

async function refuseOtherKinds(path: string): Promise<void> {
  const file = await openForReading(path, 'bottom-up features')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(8), 0, 8, 0)
    const start = buffer.toString('latin1', 0, bytesRead)
    const kind = OTHER_KINDS.find(({ begins }) => start.startsWith(begins))
    if (kind) throw new UserError(`Cannot read bottom-up features "${path}": it is ${kind.is}; ${kind.advice}`)
  } finally {
    await file.close()
  }
}

type Checked = { readonly features: Uint16Array; readonly size: number } | { readonly reason: string }

function parseTsvLine(line: string): Checked {
  const fields = line.split('\t').map(bare)
  const layout = LAYOUTS[fields.length]
  if (!layout)
    return {
      reason:
        `has ${fields.length} fields, not the 6 image_id, image_w, image_h, num_boxes, boxes, features, ` +
        'or the 10 of LXMERT',
    }
  const boxes = fields[layout.boxes]!
  const count = Number(boxes)
  if (!Number.isInteger(count) || count < 1) return { reason: count === 0 ? 'has no regions' : `has ${boxes} boxes` }
  const features = fromBase64(fields[layout.features]!)
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

/** The folder with the arrays, and their names. Throws UserError if there are none. */
async function listArrays(path: string): Promise<{ readonly folder: string; readonly names: readonly string[] }> {
  for (const folder of [join(path, 'cocobu_att'), path]) {
    const all = await readdir(folder).catch((error) =>
      errorCode(error) === 'ENOENT' ? [] : throwFileError('read bottom-up features', folder, error),
    )
    const names = all.filter((name) => /\.np[yz]$/.test(name)).sort()
    if (names.length > 0) return { folder, names }
  }
  throw new UserError(
    `Cannot read bottom-up features "${path}": neither the folder nor its "cocobu_att" has a .npy or .npz file for each ` +
      'picture; give the folder that has them, or a TSV file',
  )
}

async function* readFolder(path: string, idOf: Resolve, missing: ReadonlySet<string>): AsyncGenerator<BottomUpPicture> {
  const { folder, names } = await listArrays(path)
  const files = new Map<string, string>()
  for (const name of names) {
    const id = idOf(name.slice(0, -4))
    if (id !== undefined && (!files.has(id) || name === `${id}.npz`)) files.set(id, name)
  }
  for (const id of missing) {
    const file = files.get(id)
    if (file === undefined) continue
    const place = join(folder, file)
    try {
      const features = await readArray(await readBytes(place, 'features'), place)
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

/** The array of a .npy file; of a .npz file the array `feat`, or its only one. Checksums of .npz files are verified. */
async function readArray(bytes: Uint8Array, path: string): Promise<NpyArray> {
  if (!path.endsWith('.npz')) return parseNpy(bytes, `"${path}"`)
  if (!isZip(bytes)) throw new UserError(`Cannot read "${path}": it is not a .npz file, or cut short`)
  const entries = zipEntries(bytes, `"${path}"`)
  const [only, ...others] = entries
  const entry = entries.find((each) => each.path === 'feat.npy') ?? (others.length === 0 ? only : undefined)
  if (!entry)
    throw new UserError(
      `"${path}" has ${only ? entries.map((each) => each.path).join(', ') : 'nothing'} in it, and no "feat"`,
    )
  return parseNpy(await unzipEntry(bytes, entry, `"${path}"`), `"${path}"`)
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
