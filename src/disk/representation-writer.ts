import { type FileHandle, open as openFile, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { zipSync } from 'fflate'
import { UserError } from '../errors.ts'
import { serializeNpy } from '../formats/npy.ts'
import type { TensorData } from '../formats/safetensors.ts'
import { errorCode, throwFileError } from './errno.ts'
import { makeFolder, readJson, readLines, readTextIfPresent, writeFileAtomic } from './files.ts'
import { Lock } from './lock.ts'
import { SafetensorsFile, writeSafetensors } from './safetensors-file.ts'

/**
 * How the representations of a dataset are written: `tsv`, one file as bottom-up features were published (Anderson et
 * al., CVPR 2018); `npz`, files for each image as in Luo's ImageCaptioning.pytorch; `safetensors`, a tensor for each
 * image in files of 256 images with an index.
 */
export const DATASET_FORMATS = ['tsv', 'npz', 'safetensors'] as const

/** A format of DATASET_FORMATS. */
export type DatasetFormat = (typeof DATASET_FORMATS)[number]

/** The representation of an image of a dataset. */
export interface DatasetRepresentation {
  readonly id: string
  /** `[rows, size]` */
  readonly features: Float32Array
  readonly size: number
  /** left, top, right, bottom of each row as fractions of the image, `[rows, 4]`; undefined if they are not known */
  readonly boxes: Float32Array | undefined
  /** width and height in pixels; undefined if the image is not there */
  readonly pixels: { readonly width: number; readonly height: number } | undefined
}

/** What representations are of: those of another origin are never added to them. */
export type Origin = Readonly<Record<string, string>>

/** Writes representations; those that an earlier, stopped or killed, call wrote are kept. */
export interface RepresentationWriter {
  /** Whether an image is written. */
  has(id: string): boolean
  /** Writes an image. Throws UserError if it cannot be written, as on a full disk. */
  write(image: DatasetRepresentation): Promise<void>
  /** Writes the buffered records and closes the files. */
  close(): Promise<void>
}

/**
 * Opens a writer: `out` is a file for `tsv`, a folder for the other formats. Throws UserError if what is there is of
 * another origin, or another process writes it.
 */
export async function openRepresentationWriter(
  format: DatasetFormat,
  out: string,
  origin: Origin,
): Promise<RepresentationWriter> {
  if (format !== 'tsv' && /\.(tsv|npz|npy|safetensors)$/i.test(out))
    throw new UserError(`Cannot write representations to "${out}": ${format} takes a folder; give one, without ending`)
  const description = format === 'tsv' ? `${out}.json` : join(out, 'representations.json')
  await makeFolder(dirname(description))
  const lock = await Lock.take(`${description}.lock`, `representations "${out}"`)
  try {
    await describe(
      description,
      { out, there: await placeOf(format, out) },
      { format: `mia-sgir/1 ${format}`, ...origin },
    )
    const writer = await { tsv: TsvWriter, npz: NpzWriter, safetensors: SafetensorsWriter }[format].open(out)
    return {
      has: (id) => writer.has(id),
      write: (image) => writer.write(image),
      close: () => writer.close().finally(() => lock.release()),
    }
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** The file or folder that representations are in, if it is there. */
async function placeOf(format: DatasetFormat, out: string): Promise<string | undefined> {
  const path = format === 'npz' ? join(out, 'cocobu_att') : format === 'safetensors' ? join(out, INDEX) : out
  return (await stat(path).catch(() => undefined)) && path
}

/** Writes what representations are of, or compares it with what is written. */
async function describe(
  path: string,
  { out, there }: { readonly out: string; readonly there: string | undefined },
  origin: Origin,
): Promise<void> {
  if ((await readTextIfPresent(path, 'description')) === undefined) {
    if (there !== undefined)
      throw new UserError(
        `Cannot write representations to "${out}": "${there}" exists, and "${path}", which would say what it is of, ` +
          'does not; give another --out',
      )
    await writeFileAtomic(path, `${JSON.stringify(origin, null, 2)}\n`)
    return
  }
  const found = Object((await readJson(path, 'description')) ?? {}) as Record<string, unknown>
  for (const [name, value] of Object.entries(origin))
    if (found[name] !== value)
      throw new UserError(
        `Cannot add representations to "${out}": its ${name} is "${found[name]}", not "${value}"; give another --out`,
      )
}

const base64 = (numbers: Float32Array): string =>
  Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength).toString('base64')

/** The boxes in pixels, or, for an image that is not there, as fractions; without boxes the whole image. */
function boxesOf({ features, size, boxes, pixels }: DatasetRepresentation): Float32Array {
  const edges = [pixels?.width ?? 1, pixels?.height ?? 1]
  return Float32Array.from(
    { length: (features.length / size) * 4 },
    (_, i) => (boxes?.[i] ?? (i % 4 < 2 ? 0 : 1)) * edges[i % 2]!,
  )
}

/** One file: image_id, image_w, image_h, num_boxes, boxes and features, the last two float32 in base64. */
class TsvWriter {
  readonly #path: string
  readonly #file: FileHandle
  readonly #ids: Set<string>
  #end: number

  private constructor(path: string, file: FileHandle, { ids, end }: { ids: Set<string>; end: number }) {
    this.#path = path
    this.#file = file
    this.#ids = ids
    this.#end = end
  }

  static async open(path: string): Promise<TsvWriter> {
    const file = await openFile(path, 'a+').catch((error) => throwFileError('write representations', path, error))
    await file.close()
    const handle = await openFile(path, 'r+').catch((error) => throwFileError('write representations', path, error))
    const { size } = await handle.stat()
    const ids = new Set<string>()
    let [at, end] = [0, 0]
    for await (const line of readLines(path, 'representations')) {
      at += Buffer.byteLength(line) + 1
      if (at > size || line.split('\t').length !== 6) break // torn
      ids.add(line.slice(0, line.indexOf('\t')))
      end = at
    }
    await handle.truncate(end)
    return new TsvWriter(path, handle, { ids, end })
  }

  has(id: string): boolean {
    return this.#ids.has(id)
  }

  async write(image: DatasetRepresentation): Promise<void> {
    const { id, features, size, pixels } = image
    if (/[\t\r\n]/.test(id))
      throw new UserError(`Cannot write image "${id}" to a TSV file: its id has a tab or line end`)
    const fields = [id, pixels?.width ?? 1, pixels?.height ?? 1, features.length / size]
    const bytes = Buffer.from(`${[...fields, base64(boxesOf(image)), base64(features)].join('\t')}\n`)
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#file
        .write(bytes, done, bytes.length - done, this.#end + done)
        .catch((error) => throwFileError('write representations', this.#path, error))
      done += bytesWritten
    }
    this.#end += bytes.length
    this.#ids.add(id)
  }

  async close(): Promise<void> {
    await this.#file.datasync().catch((error) => throwFileError('write representations', this.#path, error))
    await this.#file.close()
  }
}

/** Ids that would lead out of the folder. */
const OUTSIDE = /(^|[\\/])\.\.([\\/]|$)|^[\\/]|\0/

/**
 * A folder: `cocobu_att/<id>.npz` with the array "feat" `[rows, size]`, `cocobu_fc/<id>.npy` with their mean `[size]`,
 * and where boxes are known `cocobu_box_relative/<id>.npy` `[rows, 4]`.
 */
class NpzWriter {
  readonly #folder: string
  readonly #names: Set<string>

  private constructor(folder: string, names: Set<string>) {
    this.#folder = folder
    this.#names = names
  }

  static async open(folder: string): Promise<NpzWriter> {
    return new NpzWriter(folder, new Set(await namesIn(join(folder, 'cocobu_att'))))
  }

  has(id: string): boolean {
    return this.#names.has(join(`${id}.npz`))
  }

  async write({ id, features, size, boxes }: DatasetRepresentation): Promise<void> {
    if (OUTSIDE.test(id))
      throw new UserError(`Cannot write image "${id}" to a file of its name: it is outside the folder`)
    const rows = features.length / size
    const mean = new Float32Array(size)
    for (let i = 0; i < features.length; i++) mean[i % size]! += features[i]! / rows
    const place = (part: string, ending: string): string => join(this.#folder, part, `${id}.${ending}`)
    await writeFileAtomic(place('cocobu_fc', 'npy'), serializeNpy({ shape: [size], data: mean }))
    if (boxes)
      await writeFileAtomic(place('cocobu_box_relative', 'npy'), serializeNpy({ shape: [rows, 4], data: boxes }))
    const feat = serializeNpy({ shape: [rows, size], data: features })
    // last: an image with this file is complete
    await writeFileAtomic(place('cocobu_att', 'npz'), zipSync({ 'feat.npy': feat }, { level: 0 }))
    this.#names.add(join(`${id}.npz`))
  }

  async close(): Promise<void> {}
}

/** The file that names the file of each tensor. */
const INDEX = 'sgir.safetensors.index.json'
/** Images of a safetensors file. */
const IMAGES_PER_FILE = 256

/**
 * A folder: `sgir-00001.safetensors` and so on, with a tensor `<id>` `[rows, size]` for each image, and where boxes are
 * known `<id>.boxes` `[rows, 4]`; `sgir.safetensors.index.json` has the file of each tensor, as Hugging Face writes it.
 */
class SafetensorsWriter {
  readonly #folder: string
  /** by tensor, its file */
  readonly #files: Map<string, string>
  #count: number
  #pending: [string, TensorData][] = []
  #images = new Set<string>()

  private constructor(folder: string, files: Map<string, string>, count: number) {
    this.#folder = folder
    this.#files = files
    this.#count = count
  }

  static async open(folder: string): Promise<SafetensorsWriter> {
    const files = new Map<string, string>()
    let count = 0
    for (const name of (await namesIn(folder)).sort()) {
      const number = /^sgir-(\d+)\.safetensors$/.exec(name)?.[1]
      if (number === undefined) continue
      count = Math.max(count, Number(number))
      const file = await SafetensorsFile.open(join(folder, name), 'representations')
      for (const tensor of file.entries.keys()) files.set(tensor, name)
      await file.close()
    }
    return new SafetensorsWriter(folder, files, count)
  }

  has(id: string): boolean {
    return this.#files.has(id) || this.#images.has(id)
  }

  async write({ id, features, size, boxes }: DatasetRepresentation): Promise<void> {
    const rows = features.length / size
    this.#pending.push([id, { dtype: 'F32', shape: [rows, size], data: features }])
    if (boxes) this.#pending.push([`${id}.boxes`, { dtype: 'F32', shape: [rows, 4], data: boxes }])
    this.#images.add(id)
    if (this.#images.size === IMAGES_PER_FILE) await this.#flush()
  }

  async close(): Promise<void> {
    await this.#flush()
    const index = {
      metadata: {},
      weight_map: Object.fromEntries([...this.#files].sort(([a], [b]) => (a < b ? -1 : 1))),
    }
    await writeFileAtomic(join(this.#folder, INDEX), `${JSON.stringify(index, null, 2)}\n`)
  }

  async #flush(): Promise<void> {
    if (this.#pending.length === 0) return
    const name = `sgir-${String(this.#count + 1).padStart(5, '0')}.safetensors`
    await writeSafetensors(join(this.#folder, name), this.#pending, { format: 'pt' })
    this.#count += 1
    for (const [tensor] of this.#pending) this.#files.set(tensor, name)
    this.#pending = []
    this.#images = new Set()
  }
}

/** The names in a folder, with those below; none if it is not there. */
async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder, { recursive: true }).catch((error) => {
    if (errorCode(error) === 'ENOENT') return []
    return throwFileError('read representations', folder, error)
  })
}
