import { create, toBinary } from '@bufbuild/protobuf'
import { ONNX_TYPE } from '../graph/ops/movement.ts'
import { simplify } from '../graph/simplify.ts'
import { inputName, type Spec, type Tensor } from '../graph/tensor.ts'
import { topological } from '../graph/walk.ts'
import { OnnxEmitter, tensorProto } from './emit.ts'
import {
  TensorShapeProto_DimensionSchema as DimensionSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  OperatorSetIdProtoSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './pb.ts'

/** The operator set the graph is written in; LayerNormalization came with 17, Split in equal parts and BitwiseXor with 18. */
const OPSET = 18n
const IR_VERSION = 8n

/** A value that becomes part of the model file instead of an input: the weights of a finished model. */
export interface Initializer {
  readonly shape: readonly number[]
  readonly data: ArrayBufferView
}

/**
 * A graph as the bytes of an ONNX model, simplified first. Its inputs are the graph inputs that the outputs need, under their own names; those
 * named in `initializers` are stored in the file with their values.
 */
export function toOnnx(
  outputs: Readonly<Record<string, Tensor>>,
  initializers: ReadonlyMap<string, Initializer> = new Map(),
): Uint8Array {
  const names = Object.keys(outputs)
  const results = simplify(names.map((name) => outputs[name]!))
  const order = topological(results)
  const inputs = order.flatMap((node) => (node.op.name === 'input' ? node.outputs : []))
  const emit = new OnnxEmitter(inputs)
  const copies: [Tensor, string][] = []
  const named = new Set<Tensor>(inputs)
  for (const [i, tensor] of results.entries()) {
    if (named.has(tensor)) copies.push([tensor, names[i]!])
    else emit.rename(tensor, names[i]!)
    named.add(tensor)
  }
  for (const node of order) node.op.lower(node, emit, node.outputs.map(emit.name))
  for (const [tensor, name] of copies) emit.node('Identity', [emit.name(tensor)], { outputs: [name] })
  const stored = inputs.filter((tensor) => initializers.has(inputName(tensor)!))
  for (const tensor of stored) {
    const name = inputName(tensor)!
    const { data, shape } = initializers.get(name)!
    emit.initializers.set(
      name,
      tensorProto(name, new Uint8Array(data.buffer, data.byteOffset, data.byteLength), tensor.dtype, shape),
    )
  }
  const graph = create(GraphProtoSchema, {
    name: 'mia-caption',
    node: emit.nodes,
    initializer: [...emit.initializers.values()],
    input: inputs.filter((tensor) => !stored.includes(tensor)).map((tensor) => valueInfo(inputName(tensor)!, tensor)),
    output: results.map((tensor, i) => valueInfo(names[i]!, tensor)),
  })
  const opsetImport = [
    create(OperatorSetIdProtoSchema, { domain: '', version: OPSET }),
    create(OperatorSetIdProtoSchema, { domain: 'com.microsoft', version: 1n }),
  ]
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { irVersion: IR_VERSION, producerName: 'mia-caption', opsetImport, graph }),
  )
}

function valueInfo(name: string, { shape, dtype }: Spec): ValueInfoProto {
  const dim = shape.map((size) =>
    create(DimensionSchema, {
      value: typeof size === 'number' ? { case: 'dimValue', value: BigInt(size) } : { case: 'dimParam', value: size },
    }),
  )
  const tensorType = create(TypeProto_TensorSchema, {
    elemType: ONNX_TYPE[dtype],
    shape: create(TensorShapeProtoSchema, { dim }),
  })
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, { value: { case: 'tensorType', value: tensorType } }),
  })
}
