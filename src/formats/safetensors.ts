// Tensors as bytes, in the safetensors format. Needs no Node: the browser reads the same files.
import {
  arrayTypes,
  type DType,
  elementCount,
  formatHeader,
  headerLength,
  parseHeader,
  type TensorEntry,
  type TypedArray,
} from './safetensors-header.ts'

export type { DType, TypedArray } from './safetensors-header.ts'

/** A tensor in memory; `data` has the type that `dtype` names, F16 and BF16 as their bits in a Uint16Array. */
export interface TensorData {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: TypedArray
}

export interface Safetensors {
  readonly tensors: Map<string, TensorData>
  readonly metadata: Readonly<Record<string, string>>
}

/**
 * The tensors of a safetensors file, as views of `bytes` where alignment allows and copies where not.
 * `what` names the file in errors, as in `weights "run/weights.safetensors"`. Throws UserError for a file that breaks a rule.
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
 * The parts of a safetensors file, to be written one after the other: the header and the tensors' own memory, not copied.
 * Wider types go first so that every tensor is aligned; otherwise the order given is kept, and equal input gives equal bytes.
 * Throws RangeError if a name comes twice or a tensor's data do not fit its type and shape.
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
    if (!(data instanceof arrayTypes[dtype]) || data.length !== elementCount(shape))
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

function viewAs(dtype: DType, bytes: Uint8Array): TypedArray {
  const type = arrayTypes[dtype]
  const aligned = bytes.byteOffset % type.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes) // a Buffer's slice() would not copy
  return new type(aligned.buffer as ArrayBuffer, aligned.byteOffset, aligned.length / type.BYTES_PER_ELEMENT)
}
