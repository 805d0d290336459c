import { UserError } from '../errors.ts'
import { fromFloat16 } from '../formats/float16.ts'
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
 * The weights that a model's parameters ask for, among the tensors of a file: float32, or float16 widened. `what` names
 * the file in errors, as in `weights "runs/va/weights.safetensors"`. Throws UserError for a tensor that is missing or
 * has another shape or type, and for numbers that are not finite.
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
      if (tensor.dtype !== 'F32' && tensor.dtype !== 'F16')
        fail(`"${name}" has the type ${tensor.dtype} and should be F32 or F16`)
      const data = tensor.dtype === 'F16' ? fromFloat16(tensor.data as Uint16Array) : (tensor.data as Float32Array)
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
