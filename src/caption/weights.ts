import { UserError } from '../errors.ts'
import { fromFloat16, toFloat16 } from '../formats/float16.ts'
import { elementCount } from '../formats/host-value.ts'
import { blocksOf, fromInt8, toInt8 } from '../formats/int8.ts'
import type { TensorData } from '../formats/safetensors.ts'
import type { Parameter } from '../nn/scope.ts'

/** A float32 weight, as models take it. */
export interface Weight extends TensorData {
  readonly dtype: 'F32'
  readonly data: Float32Array
}

/** The weights of a model by parameter name. */
export type Weights = ReadonlyMap<string, Weight>

/**
 * The weights that a model's parameters ask for, among the tensors of a file: float32, float16 widened, or int8 as
 * compactWeights() writes it. `what` names the file in errors, as in `weights "runs/va/weights.safetensors"`. Throws
 * UserError for a tensor that is missing or has another shape or type, and for numbers that are not finite.
 */
export function weightsOf(
  tensors: ReadonlyMap<string, TensorData>,
  parameters: ReadonlyMap<string, Parameter>,
  what: string,
  advice: string,
): Weights {
  const fail = (why: string): never => {
    throw new UserError(`Cannot read ${what}: ${why}; ${advice}`)
  }
  return new Map(
    [...parameters.values()].map(({ name, shape }) => {
      const tensor = tensors.get(name) ?? fail(`it has no "${name}"`)
      if (tensor.shape.join() !== shape.join())
        fail(`"${name}" is [${tensor.shape.join(', ')}] and should be [${shape.join(', ')}]`)
      const data = floatsOf(name, tensor, tensors, fail)
      if (!allFinite(data)) fail(`"${name}" has numbers that are not finite`)
      return [name, { dtype: 'F32', shape, data }]
    }),
  )
}

/** A loop: a callback for each of 12 million numbers takes ten times as long. */
function allFinite(numbers: Float32Array): boolean {
  for (let i = 0; i < numbers.length; i++) if (!Number.isFinite(numbers[i])) return false
  return true
}

/** The name of the scales of an int8 tensor. */
const scaleName = (name: string): string => `${name}.scale`

/** The numbers of a tensor as float32. */
function floatsOf(
  name: string,
  { dtype, shape, data }: TensorData,
  tensors: ReadonlyMap<string, TensorData>,
  fail: (why: string) => never,
): Float32Array {
  if (dtype === 'F32') return data as Float32Array
  if (dtype === 'F16') return fromFloat16(data as Uint16Array)
  if (dtype !== 'I8') return fail(`"${name}" has the type ${dtype} and should be F32, F16 or I8`)
  const scale = tensors.get(scaleName(name)) ?? fail(`it has no "${scaleName(name)}"`)
  const wanted = scaleShape(shape)
  if (scale.dtype !== 'F16' || scale.shape.join() !== wanted.join())
    fail(`"${scaleName(name)}" is ${scale.dtype} [${scale.shape.join(', ')}] and should be F16 [${wanted.join(', ')}]`)
  return fromInt8({ values: data as Int8Array, scales: scale.data as Uint16Array }, shape.at(-1)!)
}

/** Each row of the last axis has a scale for each of its blocks. */
const scaleShape = (shape: readonly number[]): number[] => [...shape.slice(0, -1), blocksOf(shape.at(-1) ?? 1)]

/** Smaller tensors stay float16: they take little space, and biases and normalisation matter most. */
const MIN_INT8_NUMBERS = 4096

/**
 * Weights in at most `maxBytes` bytes if that is possible, as weightsOf() reads them: float16, and the largest
 * matrices, as many as must be, int8 with a float16 scale for each block of 32 numbers (toInt8()).
 */
export function compactWeights(weights: Weights, maxBytes = Number.POSITIVE_INFINITY): Map<string, TensorData> {
  const sizes = [...weights].map(([name, { shape, data }]) => ({ name, shape, count: data.length }))
  let bytes = sizes.reduce((sum, { count }) => sum + 2 * count, 0)
  const asInt8 = new Set<string>()
  for (const { name, shape, count } of sizes.toSorted((a, b) => b.count - a.count)) {
    if (bytes <= maxBytes || shape.length < 2 || count < MIN_INT8_NUMBERS) continue
    asInt8.add(name)
    bytes -= count - 2 * elementCount(scaleShape(shape))
  }
  const tensors = new Map<string, TensorData>()
  for (const [name, { shape, data }] of weights)
    if (asInt8.has(name)) {
      const { values, scales } = toInt8(data, shape.at(-1)!)
      tensors.set(name, { dtype: 'I8', shape, data: values })
      tensors.set(scaleName(name), { dtype: 'F16', shape: scaleShape(shape), data: scales })
    } else tensors.set(name, { dtype: 'F16', shape, data: toFloat16(data) })
  return tensors
}
