// NumPy's format of one array, versions 1 to 3:
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
import { UserError } from '../errors.ts'
import { fromFloat16 } from './float16.ts'
import { elementCount } from './host-value.ts'

/** An array of float32, row-major. */
export interface NpyArray {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

const MAGIC = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59) // \x93NUMPY
const ALIGNMENT = 64

/** The element types that can be read, by their `descr`. */
const READERS: ReadonlyMap<string, { readonly size: number; of(buffer: ArrayBuffer): Float32Array }> = new Map([
  ['<f4', { size: 4, of: (buffer: ArrayBuffer) => new Float32Array(buffer) }],
  ['<f8', { size: 8, of: (buffer: ArrayBuffer) => Float32Array.from(new Float64Array(buffer)) }],
  ['<f2', { size: 2, of: (buffer: ArrayBuffer) => fromFloat16(new Uint16Array(buffer)) }],
])

/** The bytes of a .npy file of float32, format version 1.0. */
export function serializeNpy({ shape, data }: NpyArray): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const fields = `{'descr': '<f4', 'fortran_order': False, 'shape': (${sizes}), }`
  const length = Math.ceil((10 + fields.length + 1) / ALIGNMENT) * ALIGNMENT
  const header = new TextEncoder().encode(`${fields.padEnd(length - 11)}\n`)
  const bytes = new Uint8Array(length + data.byteLength)
  bytes.set(MAGIC)
  bytes.set([1, 0, header.length & 0xff, header.length >> 8], 6)
  bytes.set(header, 10)
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), length)
  return bytes
}

/**
 * Reads a .npy file of little-endian float16, float32 or float64, row-major, as float32. Errors call the file `name`.
 * Throws UserError for any other file.
 */
export function parseNpy(bytes: Uint8Array, name: string): NpyArray {
  const refuse = (why: string): never => {
    throw new UserError(`Cannot read ${name}: ${why}; it should be an array as numpy.save() writes it`)
  }
  if (bytes.length < 10 || MAGIC.some((byte, i) => bytes[i] !== byte)) return refuse('it is not a .npy file')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const start = bytes[6] === 1 ? 10 : 12
  if (bytes.length < start) return refuse('it is cut short')
  const length = start === 10 ? view.getUint16(8, true) : view.getUint32(8, true)
  const header = new TextDecoder().decode(bytes.subarray(start, start + length))
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1]
  const sizes = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1]
  if (descr === undefined || sizes === undefined) return refuse('its header has no "descr" and "shape"')
  if (/'fortran_order':\s*True/.test(header)) return refuse('it is in Fortran order, not row-major')
  if (!/^\s*(\d+\s*(,\s*\d+\s*)*,?\s*)?$/.test(sizes)) return refuse(`its shape is (${sizes})`)
  const shape = (sizes.match(/\d+/g) ?? []).map(Number)
  const read = READERS.get(descr)
  if (!read) return refuse(`its elements are "${descr}", not one of ${[...READERS.keys()].join(', ')}`)
  const body = Uint8Array.from(bytes.subarray(start + length)) // a copy, so that the elements are aligned
  const wanted = elementCount(shape) * read.size
  if (body.length !== wanted)
    return refuse(`it has ${body.length} bytes of data, its shape (${shape.join(', ')}) needs ${wanted}`)
  return { shape, data: read.of(body.buffer) }
}
