import { fromFloat16 } from '../formats/float16.ts'
import type { HostValue } from '../formats/host-value.ts'
import { type GraphProto, TensorProto_DataType } from '../onnx/pb.ts'

/**
 * Makes float16 inputs of a graph float32: many GPUs have no float16 in WebGPU. The casts to float32 that follow in our
 * models then do nothing. Feeds go through widened().
 */
export function widenInputs({ input }: GraphProto): void {
  for (const { type } of input)
    if (type?.value.case === 'tensorType' && type.value.value.elemType === TensorProto_DataType.FLOAT16)
      type.value.value.elemType = TensorProto_DataType.FLOAT
}

/** A float16 value as float32; any other as it is. */
export const widened = (value: HostValue): HostValue =>
  value.dtype === 'float16' ? { ...value, dtype: 'float32', data: fromFloat16(value.data as Uint16Array) } : value
