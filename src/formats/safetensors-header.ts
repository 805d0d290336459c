// The header of a safetensors file (https://github.com/huggingface/safetensors, "Format"): eight bytes with its length, then JSON
// that gives each tensor's type, shape and byte range in the data that follows. Files come from strangers: nothing is taken on trust.
import { UserError } from '../errors.ts'

/** How each type lies in memory; F16 and BF16 are kept as their bits. All numbers are little-endian, as on every machine JavaScript runs on. */
export const arrayTypes = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U64: BigUint64Array,
  U32: Uint32Array,
  U16: Uint16Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const

export type DType = keyof typeof arrayTypes
export type TypedArray =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array

/** Where a tensor lies: the bytes `begin` (inclusive) to `end` (exclusive), counted from the end of the header. */
export interface TensorEntry {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly begin: number
  readonly end: number
}

export interface Header {
  readonly entries: ReadonlyMap<string, TensorEntry>
  readonly metadata: Readonly<Record<string, string>>
}

const maxHeaderBytes = 100e6
const maxTensors = 100_000
const metadataKey = '__metadata__'

/** The number of elements of a shape; 1 for a scalar's `[]`. */
export const elementCount = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1)

/** The length in bytes of the header that follows the first eight bytes. Throws UserError if it cannot be one. */
export function headerLength(first8: Uint8Array, fileBytes: number, what: string): number {
  if (first8.length < 8) fail(what, `it has ${first8.length} bytes, too few for a safetensors file`)
  const length = new DataView(first8.buffer, first8.byteOffset, 8).getBigUint64(0, true)
  if (length > maxHeaderBytes)
    fail(what, `its header would have ${length} bytes, the limit is 100 MB; it is probably not a safetensors file`)
  if (length > fileBytes - 8)
    fail(what, `it is cut short: its header takes ${length} bytes, the whole file has ${fileBytes}`)
  return Number(length)
}

/** Reads the JSON of a header before `dataBytes` bytes of data. Throws UserError if a rule of the format is broken. */
export function parseHeader(header: Uint8Array, dataBytes: number, what: string): Header {
  if (header[0] !== 0x7b) fail(what, 'its header does not begin with "{"')
  let text: string
  let json: Record<string, unknown>
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(header)
    json = JSON.parse(text)
  } catch (error) {
    return fail(what, `its header is not JSON (${(error as Error).message})`)
  }
  const repeated = repeatedKey(text)
  if (repeated !== undefined) fail(what, `its header has the name "${repeated}" twice`)

  const { [metadataKey]: metadata = {}, ...tensors } = json
  if (!isObject(metadata) || !Object.values(metadata).every((value) => typeof value === 'string'))
    fail(what, `its ${metadataKey} is not an object of strings`)
  const names = Object.keys(tensors)
  if (names.length > maxTensors) fail(what, `it has ${names.length} tensors, the limit is ${maxTensors}`)
  const entries = new Map(names.map((name) => [name, parseEntry(name, tensors[name], what)]))
  checkTiling(entries, dataBytes, what)
  return { entries, metadata: metadata as Record<string, string> }
}

/** The bytes of a header, its length first, padded with spaces to a multiple of eight. */
export function formatHeader({ entries, metadata }: Header): Uint8Array {
  const json: [string, unknown][] = Object.keys(metadata).length > 0 ? [[metadataKey, metadata]] : []
  for (const [name, { dtype, shape, begin, end }] of entries) {
    if (name === metadataKey) throw new RangeError(`Cannot write a tensor named ${metadataKey}: the name is reserved`)
    json.push([name, { dtype, shape, data_offsets: [begin, end] }])
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(json)))
  const bytes = new Uint8Array(8 + Math.ceil(text.length / 8) * 8).fill(0x20)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.length - 8), true)
  bytes.set(text, 8)
  return bytes
}

function parseEntry(name: string, value: unknown, what: string): TensorEntry {
  const { dtype, shape, data_offsets: range } = isObject(value) ? value : {}
  if (typeof dtype !== 'string' || !Object.hasOwn(arrayTypes, dtype))
    fail(what, `tensor "${name}" has the type ${JSON.stringify(dtype)}, known are ${Object.keys(arrayTypes).join(' ')}`)
  if (!isSizes(shape)) fail(what, `tensor "${name}" has the shape ${JSON.stringify(shape)}`)
  if (!isSizes(range) || range.length !== 2) fail(what, `tensor "${name}" has the offsets ${JSON.stringify(range)}`)
  const [begin, end] = range as [number, number]
  const bytes = elementCount(shape) * arrayTypes[dtype as DType].BYTES_PER_ELEMENT
  if (end - begin !== bytes)
    fail(
      what,
      `tensor "${name}", ${dtype} [${shape.join(', ')}], takes ${bytes} bytes, its offsets leave ${end - begin}`,
    )
  return { dtype: dtype as DType, shape, begin, end }
}

/** In order of their offsets the tensors must touch, without holes or overlaps, from the first byte of the data to the last. */
function checkTiling(entries: ReadonlyMap<string, TensorEntry>, dataBytes: number, what: string): void {
  let position = 0
  for (const [name, { begin, end }] of [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)) {
    if (begin < position)
      fail(what, `tensor "${name}" begins at byte ${begin}, inside another that ends at ${position}`)
    if (begin > position) fail(what, `bytes ${position} to ${begin}, before tensor "${name}", belong to no tensor`)
    position = end
  }
  if (position > dataBytes) fail(what, `it is cut short: ${dataBytes} of ${position} bytes of data are there`)
  if (position < dataBytes) fail(what, `${dataBytes - position} bytes after the last tensor belong to no tensor`)
}

/** JSON.parse keeps the last of two equal keys without a word; two readers could then see two different files. */
function repeatedKey(json: string): string | undefined {
  const open: Set<string>[] = []
  for (const [token] of json.matchAll(/[{}]|"(?:[^"\\]|\\.)*"\s*:?/g)) {
    if (token === '{') open.push(new Set())
    else if (token === '}') open.pop()
    else if (token.endsWith(':')) {
      const key: string = JSON.parse(token.slice(0, -1))
      const keys = open.at(-1)
      if (keys?.has(key)) return key
      keys?.add(key)
    }
  }
  return undefined
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0)

function fail(what: string, why: string): never {
  throw new UserError(`Cannot read ${what}: ${why}`)
}
