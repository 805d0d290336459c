import { UserError } from '../../../errors.ts'
import { fromFloat16 } from '../../../formats/float16.ts'
import { elementCount, type HostValue, type NumericArray } from '../../../formats/host-value.ts'
import type { TfjsModel, TfjsWeight } from './model-file.ts'

/**
 * The weights of a TensorFlow.js model by name, from the bytes of its files one after the other: they lie as the manifest lists them. Stored as
 * float16 or uint8 they become float32. `what` names the file in errors. Throws UserError where bytes are missing or left over, or the type is unknown.
 */
export function readTfjsWeights(
  { weightsManifest }: TfjsModel,
  bytes: Uint8Array,
  what: string,
): Map<string, HostValue> {
  const all = weightsManifest.flatMap(({ weights }) => weights)
  const total = all.reduce((sum, weight) => sum + elementCount(weight.shape) * encodingOf(weight, what).bytes, 0)
  if (bytes.length !== total)
    throw new UserError(
      `Cannot read ${what}: it has ${bytes.length} bytes, the manifest lists ${total}; install the package again`,
    )
  const values = new Map<string, HostValue>()
  let at = 0
  for (const weight of all) {
    const encoding = encodingOf(weight, what)
    const length = elementCount(weight.shape) * encoding.bytes
    const raw = new Uint8Array(bytes.subarray(at, at + length)).buffer // a copy: in the file they are not aligned
    values.set(weight.name, {
      dtype: weight.dtype as 'float32' | 'int32',
      shape: weight.shape,
      data: encoding.decode(raw, weight.quantization ?? {}),
    })
    at += length
  }
  return values
}

interface Encoding {
  /** of one number */
  readonly bytes: number
  decode(
    raw: ArrayBuffer,
    quantization: { readonly scale?: number | undefined; readonly min?: number | undefined },
  ): NumericArray
}

/** By the type of the weight and, where it is another, the type that it is stored in. */
const encodings: Readonly<Record<string, Encoding>> = {
  float32: { bytes: 4, decode: (raw) => new Float32Array(raw) },
  int32: { bytes: 4, decode: (raw) => new Int32Array(raw) },
  'float32 in float16': { bytes: 2, decode: (raw) => fromFloat16(new Uint16Array(raw)) },
  'float32 in uint8': {
    bytes: 1,
    decode: (raw, { scale = 1, min = 0 }) => Float32Array.from(new Uint8Array(raw), (step) => step * scale + min),
  },
}

function encodingOf({ name, dtype, quantization }: TfjsWeight, what: string): Encoding {
  const type = quantization ? `${dtype} in ${quantization.dtype}` : dtype
  const encoding = encodings[type]
  if (encoding) return encoding
  throw new UserError(
    `Cannot read ${what}: its weight "${name}" is ${type}; ${Object.keys(encodings).join(', ')} can be read`,
  )
}
