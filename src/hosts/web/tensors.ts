import type { Tensor, TypedTensor } from 'onnxruntime-web'
import { arrayOf, type HostValue } from '../../formats/host-value.ts'
import type { DType } from '../../graph/index.ts'

/** ONNX Runtime's library for pages, as one of its builds exports it. */
export type Ort = typeof import('onnxruntime-web')

/** A value as ONNX Runtime takes it. The data are not copied. */
export const toTensor = ({ Tensor }: Ort, { dtype, shape, data }: HostValue): Tensor =>
  new Tensor(dtype, data as TypedTensor<'float32'>['data'], shape) as Tensor

/**
 * A tensor of ONNX Runtime as a value, downloaded if it is on the GPU. float16 is a Float16Array where the browser has
 * that type; a value has its bits.
 */
export async function fromTensor(tensor: Tensor): Promise<HostValue> {
  const data = (await tensor.getData()) as Float32Array
  const dtype = tensor.type as DType
  const type = arrayOf(dtype)
  return {
    dtype,
    shape: tensor.dims,
    data: data instanceof type ? data : new type(data.buffer as ArrayBuffer, data.byteOffset, data.length),
  }
}
