// Tensors as bytes in the safetensors format. Needs no Node.
import { elementCount } from './host-value.ts'
import {
  ARRAY_TYPES,
  formatHeader,
  headerLength,
  parseHeader,
  type SafetensorsArray,
  type SafetensorsType,
  type TensorEntry,
} from './safetensors-header.ts'

/** A tensor in memory; `data` is the typed array of `dtype`, F16 and BF16 as their bits in a Uint16Array. */
export interface TensorData {
  readonly dtype: SafetensorsType
  readonly shape: readonly number[]
  readonly data: SafetensorsArray
}

/** The content of a safetensors file. */
export interface Safetensors {
  readonly tensors: Map<string, TensorData>
  readonly metadata: Readonly<Record<string, string>>
}

/**
 * Parses a safetensors file. Tensors are views of `bytes` if they are aligned there, else copies. Errors call the file
 * `what`, such as `weights "run/weights.safetensors"`. Throws UserError if the file breaks a rule of the format.
 */
export function parseSafetensors(bytes: Uint8Array, what = 'safetensors'): Safetensors {
  const length = headerLength(bytes.subarray(0, 8), bytes.length, what)
  const data = bytes.subarray(8 + length)
  const { entries, metadata } = parseHeader(bytes.subarray(8, 8 + length), data.length, what)
  const tensors = new Map<string, TensorData>()
  for (const [name, entry] of entries) {
    const { dtype, shape, begin, end } = entry
    tensors.set(name, { dtype, shape, data: viewAs(dtype, data.subarray(begin, end)) })
  }
  return { tensors, metadata }
}

/**
 * The parts of a safetensors file, to be written one after the other: the header and the memory of the tensors, without
 * a copy. Wider types go first, so that every tensor is aligned; otherwise the order is kept. Equal input gives equal
 * bytes. Throws RangeError if two tensors have one name or if data do not fit type and shape.
 */
export function serializeSafetensors(
  tensors: Iterable<readonly [string, TensorData]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  const widestFirst = [...tensors].sort(([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT)
  const entries = new Map<string, TensorEntry>()
  const parts: Uint8Array[] = []
  let begin = 0
  for (const [name, { dtype, shape, data }] of widestFirst) {
    if (entries.has(name)) throw new RangeError(`Cannot write tensor "${name}": there are two of that name`)
    if (!(data instanceof ARRAY_TYPES[dtype]) || data.length !== elementCount(shape))
      throw new RangeError(
        `Cannot write tensor "${name}" as ${dtype} [${shape.join(', ')}]: its data are ${data.length} elements of a ${data.constructor.name}`,
      )
    const end = begin + data.byteLength
    entries.set(name, { dtype, shape, begin, end })
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    begin = end
  }
  return [formatHeader({ entries, metadata }), ...parts]
}

function viewAs(dtype: SafetensorsType, bytes: Uint8Array): SafetensorsArray {
  const type = ARRAY_TYPES[dtype]
  // not slice(): that of a Buffer does not copy
  const aligned = bytes.byteOffset % type.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes)
  return new type(aligned.buffer as ArrayBuffer, aligned.byteOffset, aligned.length / type.BYTES_PER_ELEMENT)
}
