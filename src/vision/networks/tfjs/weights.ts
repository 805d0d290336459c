import { UserError } from '../../../errors.ts'
import { fromFloat16 } from '../../../formats/float16.ts'
import { elementCount, type HostValue, type NumericArray } from '../../../formats/host-value.ts'
import type { TfjsModel, TfjsWeight } from './model-file.ts'

/**
 * The weights of a TensorFlow.js model by name, from the bytes of its weight files one after the other, in the order of
 * the manifest. Weights stored as float16 or uint8 become float32. Errors call the bytes `what`. Throws UserError if
 * their number is not that of the manifest or a type is unknown.
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
  /** the bytes of one element */
  readonly bytes: number
  decode(
    raw: ArrayBuffer,
    quantization: { readonly scale?: number | undefined; readonly min?: number | undefined },
  ): NumericArray
}

/** By the type of the weight and the type it is stored in, if that is another. */
const ENCODINGS: ReadonlyMap<string, Encoding> = new Map<string, Encoding>([
  ['float32', { bytes: 4, decode: (raw) => new Float32Array(raw) }],
  ['int32', { bytes: 4, decode: (raw) => new Int32Array(raw) }],
  ['float32 in float16', { bytes: 2, decode: (raw) => fromFloat16(new Uint16Array(raw)) }],
  [
    'float32 in uint8',
    {
      bytes: 1,
      decode: (raw, { scale = 1, min = 0 }) => Float32Array.from(new Uint8Array(raw), (step) => step * scale + min),
    },
  ],
])

function encodingOf({ name, dtype, quantization }: TfjsWeight, what: string): Encoding {
  const type = quantization ? `${dtype} in ${quantization.dtype}` : dtype
  const encoding = ENCODINGS.get(type)
  if (encoding) return encoding
  throw new UserError(
    `Cannot read ${what}: its weight "${name}" is ${type}; supported are ${[...ENCODINGS.keys()].join(', ')}`,
  )
}
