// NumPy's format for one array: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, version 1.0.
import { UserError } from '../errors.ts'
import { fromFloat16 } from './float16.ts'

export interface NpyArray {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

const MAGIC = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59) // \x93NUMPY
const ALIGNMENT = 64

/** An array of float32, in rows, as the bytes of a .npy file. */
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

/** Reads a .npy file of little-endian float32, float64 or float16 in rows; `name` names it in errors. Throws UserError for any other. */
export function parseNpy(bytes: Uint8Array, name: string): NpyArray {
  const refuse = (why: string): never => {
    throw new UserError(`Cannot read ${name}: ${why}; it should be an array as numpy.save() writes it`)
  }
  if (bytes.length < 10 || MAGIC.some((byte, i) => bytes[i] !== byte)) return refuse('it is no .npy file')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const start = bytes[6] === 1 ? 10 : 12
  if (bytes.length < start) return refuse('it is cut short')
  const length = start === 10 ? view.getUint16(8, true) : view.getUint32(8, true)
  const header = new TextDecoder().decode(bytes.subarray(start, start + length))
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1]
  const shape = /'shape':\s*\(([^)]*)\)/
    .exec(header)?.[1]
    ?.split(',')
    .map((size) => size.trim())
  if (descr === undefined || !shape) return refuse('its header has no "descr" and "shape"')
  if (/'fortran_order':\s*True/.test(header)) return refuse('its numbers stand in columns (Fortran order)')
  const sizes = shape.filter((size) => size !== '').map(Number)
  const count = sizes.reduce((a, b) => a * b, 1)
  const read = readers[descr]
  if (!read) return refuse(`its numbers are "${descr}", not ${Object.keys(readers).join(', ')}`)
  const body = Uint8Array.from(bytes.subarray(start + length)) // a copy, so that the numbers are aligned
  if (body.length !== count * read.size)
    return refuse(`it has ${body.length} bytes of numbers, its shape (${sizes.join(', ')}) needs ${count * read.size}`)
  return { shape: sizes, data: read.of(body.buffer) }
}

const readers: Readonly<Record<string, { size: number; of(buffer: ArrayBuffer): Float32Array }>> = {
  '<f4': { size: 4, of: (buffer) => new Float32Array(buffer) },
  '<f8': { size: 8, of: (buffer) => Float32Array.from(new Float64Array(buffer)) },
  '<f2': { size: 2, of: (buffer) => fromFloat16(new Uint16Array(buffer)) },
}
