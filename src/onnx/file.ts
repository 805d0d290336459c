import { fromBinary } from '@bufbuild/protobuf'
import { UserError } from '../errors.ts'
import { arrayOf, elementCount, type HostValue } from '../formats/host-value.ts'
import { ONNX_TYPE } from '../graph/ops/movement.ts'
import type { Dim, Shape } from '../graph/shape.ts'
import type { DType } from '../graph/tensor.ts'
import {
  type GraphProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorProto_DataLocation,
  type ValueInfoProto,
} from './pb.ts'

/** An ONNX file as it stands: its nodes by what they make, its inputs, its stored values. */
export interface OnnxFile {
  readonly graph: GraphProto
  /** the version of the standard operators */
  readonly opset: number
  /** what must be given when the model runs; sizes that the file leaves open are names */
  readonly inputs: ReadonlyMap<string, Shape>
  readonly producers: ReadonlyMap<string, NodeProto>
  /** the value stored under a name, by the graph or by one of its Constant nodes */
  stored(name: string): HostValue | undefined
}

/** Reads the bytes of an ONNX file; `what` names it in errors, as in `network "a.onnx"`. Throws UserError if they are none. */
export function readOnnx(bytes: Uint8Array, what: string): OnnxFile {
  const { graph, opsetImport } = decode(bytes, what)
  if (!graph || graph.node.length === 0) throw new UserError(`Cannot read ${what}: it is not an ONNX model`)
  const initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]))
  for (const { opType, output, attribute } of graph.node) {
    const value = attribute.find(({ name }) => name === 'value')?.t
    if (opType === 'Constant' && value) initializers.set(output[0]!, value)
  }
  return {
    graph,
    opset: Number(opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? 1n),
    // files before IR version 4 list their initializers as inputs, too
    inputs: new Map(
      graph.input.filter(({ name }) => !initializers.has(name)).map((info) => [info.name, shapeOf(info)]),
    ),
    producers: new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const))),
    stored(name) {
      const tensor = initializers.get(name)
      return tensor && storedValue(tensor, what)
    },
  }
}

function decode(bytes: Uint8Array, what: string) {
  try {
    return fromBinary(ModelProtoSchema, bytes)
  } catch (error) {
    throw new UserError(
      `Cannot read ${what}: it is not an ONNX model, or it is cut short (${(error as Error).message})`,
    )
  }
}

function shapeOf({ name, type }: ValueInfoProto): Shape {
  const dims = type?.value.case === 'tensorType' ? (type.value.value.shape?.dim ?? []) : []
  return dims.map(({ value }, axis): Dim => (value.case === 'dimValue' ? Number(value.value) : `${name}_${axis}`))
}

function storedValue(tensor: TensorProto, what: string): HostValue {
  const dtype = (Object.keys(ONNX_TYPE) as DType[]).find((name) => ONNX_TYPE[name] === tensor.dataType)
  if (tensor.dataLocation === TensorProto_DataLocation.EXTERNAL)
    throw new UserError(`Cannot read ${what}: its weights lie in another file; save it as one file`)
  if (!dtype)
    throw new UserError(
      `Cannot read ${what}: "${tensor.name}" has the ONNX type ${tensor.dataType}, which is not supported`,
    )
  const shape = tensor.dims.map(Number)
  const data = tensor.rawData.length > 0 ? fromRaw(tensor.rawData, dtype) : fromFields(tensor, dtype)
  if (data.length !== elementCount(shape))
    throw new UserError(
      `Cannot read ${what}: "${tensor.name}" has ${data.length} numbers for the shape [${shape.join(', ')}]`,
    )
  return { dtype, shape, data }
}

function fromRaw(raw: Uint8Array, dtype: DType): HostValue['data'] {
  const type = arrayOf(dtype)
  const bytes = new Uint8Array(raw) // a copy: in the file they are not aligned
  return new type(bytes.buffer, 0, Math.floor(bytes.length / type.BYTES_PER_ELEMENT))
}

/** Small tensors are often written as lists of numbers rather than as bytes. */
function fromFields({ floatData, doubleData, int64Data, int32Data }: TensorProto, dtype: DType): HostValue['data'] {
  if (dtype === 'float32') return Float32Array.from(floatData)
  if (dtype === 'float64') return Float64Array.from(doubleData)
  if (dtype === 'int64') return BigInt64Array.from(int64Data)
  return (arrayOf(dtype) as typeof Int32Array).from(int32Data)
}
