import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { fromFloat16 } from '../formats/float16.ts'
import type { HostValue } from '../formats/host-value.ts'
import { ModelProtoSchema, TensorProto_DataType } from '../onnx/pb.ts'

/**
 * A model with float32 inputs in place of float16 ones: many GPUs have no float16 in WebGPU. The casts to float32 that
 * follow in our models then do nothing. Feeds go through widened().
 */
export function widenInputs(bytes: Uint8Array): Uint8Array {
  const model = fromBinary(ModelProtoSchema, bytes)
  for (const { type } of model.graph?.input ?? [])
    if (type?.value.case === 'tensorType' && type.value.value.elemType === TensorProto_DataType.FLOAT16)
      type.value.value.elemType = TensorProto_DataType.FLOAT
  return toBinary(ModelProtoSchema, model)
}

/** A float16 value as float32; any other as it is. */
export const widened = (value: HostValue): HostValue =>
  value.dtype === 'float16' ? { ...value, dtype: 'float32', data: fromFloat16(value.data as Uint16Array) } : value
