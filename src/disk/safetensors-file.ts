// Safetensors files on disk: read whole, or one tensor or a range of its rows without the rest.
import type { FileHandle } from 'node:fs/promises'
import { UserError } from '../errors.ts'
import { elementCount } from '../formats/host-value.ts'
import { parseSafetensors, type Safetensors, type TensorData } from '../formats/safetensors.ts'
import {
  ARRAY_TYPES,
  type Header,
  headerLength,
  parseHeader,
  type SafetensorsArray,
  type TensorEntry,
} from '../formats/safetensors-header.ts'
import { checkBytes, checkHeader, serializeWithChecksums } from './checksums.ts'
import { openForReading, readBytes, readFully, writeFileAtomic } from './files.ts'

/** Bytes of the largest file that is read whole: 4 GiB, the longest array of Node 20. */
export const MAX_SAFETENSORS_BYTES = 2 ** 32

/**
 * Reads a whole file; `what` names it in errors, as in "weights". Throws UserError if it cannot be read, has more than
 * 4 GiB, breaks a rule of the format, or differs from its checksums.
 */
export async function readSafetensors(path: string, what: string): Promise<Safetensors> {
  const name = `${what} "${path}"`
  const bytes = await readBytes(path, what, { maxBytes: MAX_SAFETENSORS_BYTES })
  const parsed = parseSafetensors(bytes, name)
  const dataStart = 8 + headerLength(bytes.subarray(0, 8), bytes.length, name)
  const { metadata, ofData } = checkHeader(bytes.subarray(8, dataStart), parsed.metadata, name)
  if (ofData !== undefined) checkBytes(bytes.subarray(dataStart), ofData, name)
  return { ...parsed, metadata }
}

/**
 * Writes a file with checksums, atomically; see writeFileAtomic(). Throws RangeError for a name that
 * occurs twice or data of the wrong size.
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<readonly [string, TensorData]>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomic(path, serializeWithChecksums(tensors, metadata))
}

/**
 * An open file whose header has been checked, but not the checksum of its data. Its parts can be read one by one or
 * concurrently.
 */
export class SafetensorsFile {
  readonly metadata: Readonly<Record<string, string>>
  readonly entries: ReadonlyMap<string, TensorEntry>
  readonly #file: FileHandle
  readonly #dataStart: number
  readonly #name: string

  private constructor(file: FileHandle, header: Header, dataStart: number, name: string) {
    this.metadata = header.metadata
    this.entries = header.entries
    this.#file = file
    this.#dataStart = dataStart
    this.#name = name
  }

  /** Opens a file and reads its header; `what` names it in errors. Throws UserError as readSafetensors() does. */
  static async open(path: string, what: string): Promise<SafetensorsFile> {
    const name = `${what} "${path}"`
    const file = await openForReading(path, what)
    try {
      const { size } = await file.stat()
      const first8 = new Uint8Array(Math.min(8, size))
      await readFully(file, first8, 0, name)
      const header = new Uint8Array(headerLength(first8, size, name))
      await readFully(file, header, 8, name)
      const dataStart = 8 + header.length
      const { entries, metadata } = parseHeader(header, size - dataStart, name)
      const checked = checkHeader(header, metadata, name)
      return new SafetensorsFile(file, { entries, metadata: checked.metadata }, dataStart, name)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Reads one tensor. Throws UserError if the file has none of that name. */
  async read(name: string): Promise<TensorData> {
    const { dtype, shape } = this.#entry(name)
    const data = new ARRAY_TYPES[dtype](elementCount(shape))
    await this.#readBytes(name, 0, data)
    return { dtype, shape, data }
  }

  /**
   * Fills `into` with whole rows (along the first axis) of a tensor, from row `first` on. Throws RangeError if these
   * are not rows of the tensor or `into` has another type, UserError if the file is cut short.
   */
  async readRows(name: string, first: number, into: SafetensorsArray): Promise<void> {
    const { dtype, shape } = this.#entry(name)
    const rowLength = elementCount(shape.slice(1))
    const count = into.length / rowLength
    if (
      !(into instanceof ARRAY_TYPES[dtype]) ||
      !Number.isInteger(count) ||
      first < 0 ||
      first + count > (shape[0] ?? 0)
    )
      throw new RangeError(
        `Cannot read ${into.length} numbers from row ${first} of "${name}", ${dtype} [${shape.join(', ')}], into a ${into.constructor.name}`,
      )
    await this.#readBytes(name, first * rowLength * into.BYTES_PER_ELEMENT, into)
  }

  /** Closes the file. */
  async close(): Promise<void> {
    await this.#file.close()
  }

  async #readBytes(name: string, offset: number, into: SafetensorsArray): Promise<void> {
    const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength)
    await readFully(this.#file, bytes, this.#dataStart + this.#entry(name).begin + offset, this.#name)
  }

  #entry(name: string): TensorEntry {
    const entry = this.entries.get(name)
    if (!entry) throw new UserError(`Cannot read ${this.#name}: it has no tensor "${name}"`)
    return entry
  }
}
