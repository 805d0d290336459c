import { fromFloat16 } from '../formats/float16.ts'
import type { TensorData } from '../formats/safetensors.ts'
import { readSafetensors } from './safetensors-file.ts'

/** The weights of a safetensors file as the models take them, float32: those kept in 16 bits are widened. Throws UserError where it cannot be read. */
export async function readWeights(path: string, what: string): Promise<ReadonlyMap<string, TensorData>> {
  const { tensors } = await readSafetensors(path, what)
  return new Map([...tensors].map(([name, tensor]) => [name, widened(tensor)]))
}

const widened = (tensor: TensorData): TensorData =>
  tensor.dtype === 'F16' ? { dtype: 'F32', shape: tensor.shape, data: fromFloat16(tensor.data as Uint16Array) } : tensor
