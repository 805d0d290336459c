import { create } from '@bufbuild/protobuf'
import { attributeProto } from '../onnx/emit.ts'
import {
  type GraphProto,
  type NodeProto,
  NodeProtoSchema,
  TensorProto_DataType,
  TensorProtoSchema,
} from '../onnx/pb.ts'

const LAST_AXIS = 'logsoftmax.last_axis'

/**
 * Writes x - max - log(sum(exp(x - max))) in place of LogSoftmax over the last axis, which ONNX Runtime's WebGPU lacks:
 * the logits of a step would be copied to the processor and back. The graph is of operator set 18.
 */
export function replaceLogSoftmax(graph: GraphProto): void {
  if (!graph.node.some(isLogSoftmax)) return
  graph.node = graph.node.flatMap((node) => (isLogSoftmax(node) ? steps(node) : [node]))
  graph.initializer.push(
    create(TensorProtoSchema, { name: LAST_AXIS, dataType: TensorProto_DataType.INT64, dims: [1n], int64Data: [-1n] }),
  )
}

const isLogSoftmax = ({ opType, domain, attribute }: NodeProto): boolean =>
  opType === 'LogSoftmax' && domain === '' && attribute.every(({ name, i }) => name === 'axis' && i === -1n)

function steps({ name, input, output }: NodeProto): NodeProto[] {
  const [x = '', y = ''] = [input[0], output[0]]
  const of = (step: string): string => `${y}.${step}`
  const node = (opType: string, inputs: readonly string[], result: string): NodeProto =>
    create(NodeProtoSchema, { name: `${name}.${result}`, opType, input: [...inputs], output: [result] })
  const reduce = (opType: string, from: string, result: string): NodeProto => {
    const reduction = node(opType, [from, LAST_AXIS], result)
    reduction.attribute.push(attributeProto('keepdims', 1))
    return reduction
  }
  return [
    reduce('ReduceMax', x, of('max')),
    node('Sub', [x, of('max')], of('shifted')),
    node('Exp', [of('shifted')], of('exp')),
    reduce('ReduceSum', of('exp'), of('sum')),
    node('Log', [of('sum')], of('log')),
    node('Sub', [of('shifted'), of('log')], y),
  ]
}
