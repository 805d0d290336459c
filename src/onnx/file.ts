import { fromBinary } from '@bufbuild/protobuf'
import { UserError } from '../errors.ts'
import { fromFloat16 } from '../formats/float16.ts'
import { arrayOf, elementCount, type HostValue } from '../formats/host-value.ts'
import { type Dim, type DType, dtypeOf, type Spec } from '../graph/index.ts'
import {
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorProto_DataLocation,
  type ValueInfoProto,
} from './pb.ts'

/** The largest size of an input's axis. */
const MAX_SIZE = 2n ** 31n - 1n

/** The content of an ONNX file. */
export interface OnnxFile {
  readonly graph: GraphProto
  /** the version of the standard operators */
  readonly opset: number
  /** the inputs that are fed at run time; sizes that the file leaves open are symbols */
  readonly inputs: ReadonlyMap<string, Spec>
  /** the node that computes each tensor */
  readonly producers: ReadonlyMap<string, NodeProto>
  /**
   * The value of an initializer or a Constant node, or undefined. Throws UserError, without the file, if it is damaged.
   */
  stored(name: string): HostValue | undefined
}

/** The messages of an ONNX file. Throws UserError, without the file, if it is not ONNX. */
export function readModel(bytes: Uint8Array): ModelProto & { graph: GraphProto } {
  const model = decode(bytes)
  if (!model.graph || model.graph.node.length === 0) throw new UserError('it is not an ONNX model')
  return model as ModelProto & { graph: GraphProto }
}

/** The version of the standard operators that a model uses. */
export const opsetOf = ({ opsetImport }: ModelProto): number =>
  Number(opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? 1n)

/** Reads an ONNX file. Throws UserError, without the file, if it is not ONNX or its inputs are not tensors. */
export function readOnnx(bytes: Uint8Array): OnnxFile {
  const model = readModel(bytes)
  const { graph } = model
  const stored = storedValues(graph)
  return {
    graph,
    opset: opsetOf(model),
    // files before IR version 4 list their initializers as inputs, too
    inputs: new Map(graph.input.filter(({ name }) => !stored.has(name)).map((info) => [info.name, specOf(info)])),
    producers: new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const))),
    stored: (name) => stored.get(name)?.(),
  }
}

/**
 * The values of a graph's initializers and Constant nodes by name, decoded when they are called; that throws UserError,
 * without the file, if a value is damaged.
 */
export function storedValues(graph: GraphProto): Map<string, () => HostValue> {
  const stored = new Map<string, () => HostValue>(
    graph.initializer.map((tensor) => [tensor.name, () => storedValue(tensor)]),
  )
  for (const { opType, output, attribute } of graph.node)
    for (const value of opType === 'Constant' ? attribute : [])
      if (output[0] && isConstantValue(value)) stored.set(output[0], () => constantValue(value))
  return stored
}

/** The elements of a value as numbers; float16 bits are decoded. */
export const numbersOf = ({ dtype, data }: HostValue): number[] =>
  dtype === 'float16'
    ? Array.from(fromFloat16(data as Uint16Array))
    : Array.from(data as ArrayLike<number | bigint>, Number)

function decode(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes)
  } catch (error) {
    throw new UserError(`it is not an ONNX model, or it is cut short (${(error as Error).message})`)
  }
}

/** Throws UserError, without the file, if the input is not a tensor of a known type. */
function specOf({ name, type }: ValueInfoProto): Spec {
  if (name === '') throw new UserError('one of its inputs has no name; export it again')
  if (type?.value.case !== 'tensorType') throw new UserError(`its input "${name}" is not a tensor; export it again`)
  const { elemType, shape } = type.value.value
  const open = name.replaceAll('*', '×') // * separates the factors of symbolic sizes
  const dims = shape?.dim.map(({ value }, axis): Dim => {
    // exporters write sizes that they do not know as names, as 0 or as -1
    if (value.case !== 'dimValue' || value.value <= 0n) return `${open}_${axis}`
    if (value.value > MAX_SIZE) throw new UserError(`its input "${name}" has the size ${value.value}; export it again`)
    return Number(value.value)
  })
  return { dtype: knownType(elemType, `its input "${name}"`), shape: dims ?? [] }
}

function knownType(onnxType: number, name: string): DType {
  const dtype = dtypeOf(onnxType)
  if (dtype) return dtype
  throw new UserError(`${name} has the ONNX type ${onnxType}, which is not supported`)
}

function storedValue(tensor: TensorProto): HostValue {
  const name = `"${tensor.name}"`
  if (tensor.dataLocation === TensorProto_DataLocation.EXTERNAL)
    throw new UserError(`the weights ${name} are stored in another file; save the model as one file`)
  const dtype = knownType(tensor.dataType, name)
  const shape = tensor.dims.map(Number)
  const data = tensor.rawData.length > 0 ? fromRaw(tensor.rawData, dtype) : fromFields(tensor, dtype)
  if (!data || data.length !== elementCount(shape) || shape.some((size) => size < 0))
    throw new UserError(
      `${name} has ${data?.length ?? 'broken'} values for the shape [${shape.join(', ')}]; export it again`,
    )
  return { dtype, shape, data }
}

/** The values of a tensor stored as bytes, or undefined if these end inside a value. */
function fromRaw(raw: Uint8Array, dtype: DType): HostValue['data'] | undefined {
  const type = arrayOf(dtype)
  const bytes = new Uint8Array(raw) // a copy: in the file they are not aligned
  const length = bytes.length / type.BYTES_PER_ELEMENT
  return Number.isInteger(length) ? new type(bytes.buffer, 0, length) : undefined
}

/** The values of a tensor stored as a list of numbers, as small tensors often are. */
function fromFields(tensor: TensorProto, dtype: DType): HostValue['data'] {
  const { floatData, doubleData, int64Data, int32Data, uint64Data } = tensor
  if (dtype === 'float32') return Float32Array.from(floatData)
  if (dtype === 'float64') return Float64Array.from(doubleData)
  if (dtype === 'int64') return BigInt64Array.from(int64Data)
  if (dtype === 'uint32') return Uint32Array.from(uint64Data, Number)
  return (arrayOf(dtype) as typeof Int32Array).from(int32Data)
}

const isConstantValue = ({ name, t }: AttributeProto): boolean =>
  name === 'value' ? t !== undefined : ['value_float', 'value_floats', 'value_int', 'value_ints'].includes(name)

/** The value of a Constant node from the attribute that holds it. */
function constantValue({ name, t, f, floats, i, ints }: AttributeProto): HostValue {
  if (t) return storedValue(t)
  if (name === 'value_float') return { dtype: 'float32', shape: [], data: Float32Array.of(f) }
  if (name === 'value_floats') return { dtype: 'float32', shape: [floats.length], data: Float32Array.from(floats) }
  if (name === 'value_int') return { dtype: 'int64', shape: [], data: BigInt64Array.of(i) }
  return { dtype: 'int64', shape: [ints.length], data: BigInt64Array.from(ints) }
}
