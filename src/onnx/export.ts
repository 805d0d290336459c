import { create, toBinary } from '@bufbuild/protobuf'
import {
  type DType,
  inputName,
  ONNX_TYPE,
  type Spec,
  show,
  simplify,
  type Tensor,
  topological,
} from '../graph/index.ts'
import { OnnxEmitter, tensorProto } from './emit.ts'
import {
  type TensorShapeProto_Dimension as Dimension,
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
import { quantize } from './quantize.ts'

/** The operator set written: LayerNormalization needs 17, Split into equal parts and BitwiseXor need 18. */
const OPSET = 18n
const IR_VERSION = 8n

/**
 * The version of what toOnnx() and the translation of TensorFlow.js models write; a part of the keys of cached models.
 * Raise it with every change of their output: test/onnx/export-version.test.ts fails until then.
 */
export const EXPORT_VERSION = 3

/** The operators on bits that our models have. */
export const BIT_OPERATORS: ReadonlySet<string> = new Set(['BitwiseXor', 'BitShift'])

/** A value stored in the model file instead of fed as an input, such as a trained weight. */
export interface Initializer {
  readonly shape: readonly number[]
  readonly data: ArrayBufferView
}

/** Options of toOnnx(). */
export interface ExportOptions {
  /** quantises the products with these weights, given by their names, see quantize(); by default none */
  readonly quantized?: (weight: string) => boolean
}

/**
 * Simplifies a graph and returns it as the bytes of an ONNX model. The model's inputs are the graph inputs that
 * `outputs` depend on, under their own names, except those in `initializers`: these are stored in the file. Throws
 * RangeError if an output has the name of an input that is not stored, and if two different inputs have one name.
 */
export function toOnnx(
  outputs: Readonly<Record<string, Tensor>>,
  initializers: ReadonlyMap<string, Initializer> = new Map(),
  { quantized }: ExportOptions = {},
): Uint8Array {
  const names = Object.keys(outputs)
  const results = simplify(names.map((name) => outputs[name]!))
  const order = topological(results)
  const inputs = order.flatMap((node) => (node.op.name === 'input' ? node.outputs : []))
  refuseTwins(inputs)
  const stored = new Set(inputs.filter((tensor) => initializers.has(inputName(tensor)!)))
  const emit = new OnnxEmitter(inputs, names)
  for (const tensor of inputs) {
    const name = inputName(tensor)!
    if (!Object.hasOwn(outputs, name)) continue
    if (!stored.has(tensor)) throw new RangeError(`Cannot name an output "${name}": an input has that name`)
    emit.rename(tensor)
  }
  const copies: [Tensor, string][] = []
  const named = new Set<Tensor>(inputs)
  for (const [i, tensor] of results.entries()) {
    if (named.has(tensor)) copies.push([tensor, names[i]!])
    else emit.rename(tensor, names[i]!)
    named.add(tensor)
  }
  for (const node of order) node.op.lower(node, emit, node.outputs.map(emit.name))
  for (const [tensor, name] of copies) emit.node('Identity', [emit.name(tensor)], { outputs: [name] })
  for (const tensor of stored) {
    const { data, shape } = initializers.get(inputName(tensor)!)!
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    const name = emit.name(tensor)
    emit.initializers.set(name, tensorProto(name, bytes, tensor.dtype, shape))
  }
  const graph = create(GraphProtoSchema, {
    name: 'mia-caption',
    node: emit.nodes,
    initializer: [...emit.initializers.values()],
    input: inputs.filter((tensor) => !stored.has(tensor)).map((tensor) => valueInfo(inputName(tensor)!, tensor)),
    output: results.map((tensor, i) => valueInfo(names[i]!, tensor)),
    valueInfo: innerInfo(
      emit,
      order.flatMap(({ outputs }) => outputs).filter((tensor) => !named.has(tensor)),
    ),
  })
  if (quantized) quantize(graph, { only: quantized })
  const opsetImport = [
    create(OperatorSetIdProtoSchema, { domain: '', version: OPSET }),
    create(OperatorSetIdProtoSchema, { domain: 'com.microsoft', version: 1n }),
  ]
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { irVersion: IR_VERSION, producerName: 'mia-caption', opsetImport, graph }),
  )
}

/** Equal inputs are one after simplify(): two of a name differ, and one of them would be fed the other's numbers. */
function refuseTwins(inputs: readonly Tensor[]): void {
  const seen = new Map<string, Tensor>()
  for (const tensor of inputs) {
    const name = inputName(tensor)!
    const other = seen.get(name)
    if (other)
      throw new RangeError(
        `Cannot write a graph with two inputs "${name}": ${other.dtype} ${show(other.shape)} and ${tensor.dtype} ${show(tensor.shape)}`,
      )
    seen.set(name, tensor)
  }
}

/**
 * Type and number of axes of tensors inside the graph, where a host that rewrites it has to know them: of the computed
 * factors of transposed products, see replaceTransposedProducts(), and of results of operators on bits, see
 * splitHostPart().
 */
function innerInfo(emit: OnnxEmitter, computed: readonly Tensor[]): ValueInfoProto[] {
  const known = new Set(
    emit.nodes.flatMap(({ opType, input, output }) =>
      opType === 'FusedMatMul' ? input : BIT_OPERATORS.has(opType) ? output : [],
    ),
  )
  return computed.flatMap((tensor) => {
    const name = emit.name(tensor)
    const open = tensor.shape.map(() => create(DimensionSchema))
    return known.delete(name) ? [tensorInfo(name, tensor.dtype, open)] : []
  })
}

function valueInfo(name: string, { shape, dtype }: Spec): ValueInfoProto {
  const dim = shape.map((size) =>
    create(DimensionSchema, {
      value: typeof size === 'number' ? { case: 'dimValue', value: BigInt(size) } : { case: 'dimParam', value: size },
    }),
  )
  return tensorInfo(name, dtype, dim)
}

function tensorInfo(name: string, dtype: DType, dim: Dimension[]): ValueInfoProto {
  const tensorType = create(TypeProto_TensorSchema, {
    elemType: ONNX_TYPE[dtype],
    shape: create(TensorShapeProtoSchema, { dim }),
  })
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, { value: { case: 'tensorType', value: tensorType } }),
  })
}
