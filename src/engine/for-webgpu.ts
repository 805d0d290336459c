import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { ModelProtoSchema } from '../onnx/pb.ts'
import { replaceLogSoftmax } from './log-softmax.ts'
import { replaceTransposedProducts } from './transposed-products.ts'
import { widenInputs } from './widen.ts'

/** The operator set in which reductions take their axes as an input, that of our own models. */
const OPSET = 18n

/**
 * A model as ONNX Runtime's WebGPU computes it without copies to the processor: without the operators that it lacks,
 * and with float32 inputs in place of float16 ones. Feeds go through widened(). Models of other operator sets than
 * ours keep their operators.
 */
export function forWebgpu(bytes: Uint8Array): Uint8Array {
  const model = fromBinary(ModelProtoSchema, bytes)
  const { graph, opsetImport } = model
  if (!graph) return bytes
  widenInputs(graph)
  if (opsetImport.some(({ domain, version }) => domain === '' && version === OPSET)) {
    replaceLogSoftmax(graph)
    replaceTransposedProducts(graph)
  }
  return toBinary(ModelProtoSchema, model)
}
