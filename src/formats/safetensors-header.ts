// The header of a safetensors file (https://github.com/huggingface/safetensors, "Format"): eight bytes with its length,
// then JSON with the type, shape and byte range of each tensor in the data that follows. Files are not trusted.
import { UserError } from '../errors.ts'
import { elementCount } from './host-value.ts'

/** The typed array of each element type, little-endian; F16 and BF16 as their bits. */
export const ARRAY_TYPES = {
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

/** The element types of safetensors. */
export type SafetensorsType = keyof typeof ARRAY_TYPES

/** The typed arrays of ARRAY_TYPES. */
export type SafetensorsArray =
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

/** A tensor in the header: its data are the bytes `begin` (inclusive) to `end` (exclusive) behind the header. */
export interface TensorEntry {
  readonly dtype: SafetensorsType
  readonly shape: readonly number[]
  readonly begin: number
  readonly end: number
}

/** The content of a header. */
export interface Header {
  readonly entries: ReadonlyMap<string, TensorEntry>
  readonly metadata: Readonly<Record<string, string>>
}

const MAX_HEADER_BYTES = 100e6
const MAX_TENSORS = 100_000
const METADATA_KEY = '__metadata__'
/** The most characters of a wrong value that an error shows. */
const MAX_SHOWN = 60

/** The length in bytes of the header, from the first eight bytes of a file. Throws UserError if it is impossible. */
export function headerLength(first8: Uint8Array, fileBytes: number, what: string): number {
  if (first8.length < 8) fail(what, `it has ${first8.length} bytes, too few for a safetensors file`)
  const length = new DataView(first8.buffer, first8.byteOffset, 8).getBigUint64(0, true)
  if (length > MAX_HEADER_BYTES)
    fail(what, `its header would have ${length} bytes, the limit is 100 MB; it is probably not a safetensors file`)
  if (length > fileBytes - 8)
    fail(what, `it is cut short: its header takes ${length} bytes, the whole file has ${fileBytes}`)
  return Number(length)
}

/** Parses a header that `dataBytes` bytes of data follow. Throws UserError if it breaks a rule of the format. */
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

  const { [METADATA_KEY]: metadata = {}, ...tensors } = json
  if (!isObject(metadata) || !Object.values(metadata).every((value) => typeof value === 'string'))
    fail(what, `its ${METADATA_KEY} is not an object of strings`)
  const names = Object.keys(tensors)
  if (names.length > MAX_TENSORS) fail(what, `it has ${names.length} tensors, the limit is ${MAX_TENSORS}`)
  const entries = new Map(names.map((name) => [name, parseEntry(name, tensors[name], what)]))
  checkTiling(entries, dataBytes, what)
  return { entries, metadata: metadata as Record<string, string> }
}

/** The bytes of a header, with its length in front, padded with spaces to a multiple of eight. */
export function formatHeader({ entries, metadata }: Header): Uint8Array {
  const json: [string, unknown][] = Object.keys(metadata).length > 0 ? [[METADATA_KEY, metadata]] : []
  for (const [name, { dtype, shape, begin, end }] of entries) {
    if (name === METADATA_KEY) throw new RangeError(`Cannot write a tensor named ${METADATA_KEY}: the name is reserved`)
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
  if (typeof dtype !== 'string' || !Object.hasOwn(ARRAY_TYPES, dtype))
    fail(what, `tensor "${name}" has the type ${shown(dtype)}, expected one of ${Object.keys(ARRAY_TYPES).join(' ')}`)
  if (!isSizes(shape)) fail(what, `tensor "${name}" has the shape ${shown(shape)}`)
  if (!isSizes(range) || range.length !== 2) fail(what, `tensor "${name}" has the offsets ${shown(range)}`)
  const [begin, end] = range as [number, number]
  const bytes = elementCount(shape) * ARRAY_TYPES[dtype as SafetensorsType].BYTES_PER_ELEMENT
  if (end - begin !== bytes)
    fail(
      what,
      `tensor "${name}", ${dtype} [${shape.join(', ')}], takes ${bytes} bytes, its offsets leave ${end - begin}`,
    )
  return { dtype: dtype as SafetensorsType, shape, begin, end }
}

/** Sorted by their offsets, the tensors must cover all bytes of the data without holes or overlaps. */
function checkTiling(entries: ReadonlyMap<string, TensorEntry>, dataBytes: number, what: string): void {
  let position = 0
  for (const [name, { begin, end }] of [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)) {
    if (begin < position)
      fail(what, `tensor "${name}" begins at byte ${begin}, inside another that ends at ${position}`)
    if (begin > position) fail(what, `bytes ${position} to ${begin}, before tensor "${name}", belong to no tensor`)
    position = end
  }
  if (position > dataBytes) fail(what, `it is cut short: it has ${dataBytes} of ${position} bytes of data`)
  if (position < dataBytes) fail(what, `${dataBytes - position} bytes after the last tensor belong to no tensor`)
}

/** The first key that an object of the JSON has twice: JSON.parse silently keeps the last, other readers may not. */
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

/**
 * A value of the JSON as an error shows it, at most 60 characters. JSON.stringify overflows the stack of deep nesting.
 */
function shown(value: unknown): string {
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) value = value.slice(0, MAX_SHOWN)
  else if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a nested list' : 'an object'
  const text = JSON.stringify(value) ?? 'undefined'
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 3)}...` : text
}

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0)

function fail(what: string, why: string): never {
  throw new UserError(`Cannot read ${what}: ${why}`)
}
