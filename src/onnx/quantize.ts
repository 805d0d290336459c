import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { ONNX_TYPE } from '../graph/index.ts'
import { tensorProto } from './emit.ts'
import {
  type GraphProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from './pb.ts'

/** The code of int8 in ONNX files. */
const INT8 = 3
/** The largest quantised weight; -128 is left out, so that the zero point is 0. */
const LARGEST = 127
/** Matrices with fewer numbers stay in float32: quantising their input takes longer than they save. */
const SMALLEST = 2 ** 16

/** Which layers are quantised. */
export interface QuantizeOptions {
  /** whether the products with a weight, given by its name, are quantised; by default all are */
  readonly only?: (weight: string) => boolean
}

/** Quantises the bytes of an ONNX model; see quantize(). */
export function quantizeModel(model: Uint8Array, options: QuantizeOptions = {}): Uint8Array {
  const proto = fromBinary(ModelProtoSchema, model)
  quantize(proto.graph!, options)
  return toBinary(ModelProtoSchema, proto)
}

/**
 * Quantises an ONNX graph for integer kernels, dynamically and in place: products of a float32 tensor with a stored
 * matrix become products of integers. The weights are stored as int8 with a scale for each output channel, symmetric;
 * the other factor is quantised to uint8 while the model runs, with one scale for the whole tensor
 * (DynamicQuantizeLinear). Matrices of fewer than 65,536 numbers, and all else, stay in float32. The inputs and outputs
 * of the graph do not change.
 */
export function quantize(graph: GraphProto, { only = () => true }: QuantizeOptions = {}): void {
  const stored = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]))
  const quantizer = new Quantizer()
  graph.node = graph.node.flatMap((node) => {
    const product = productOf(node, stored)
    return product && only(product.weight.name) ? quantizer.quantized(product) : [node]
  })
  const used = new Set([...graph.node.flatMap(({ input }) => input), ...graph.output.map(({ name }) => name)])
  graph.initializer = [...graph.initializer, ...quantizer.added].filter(({ name }) => used.has(name))
}

/** A product of a tensor with a stored matrix. */
interface Product {
  readonly input: string
  /** `[K, N]`, or `[N, K]` if it is transposed */
  readonly weight: TensorProto
  readonly transposed: boolean
  /** added to the product, `[N]` */
  readonly bias: string | undefined
  readonly output: string
}

/** A node as a product that can be quantised, or undefined. */
function productOf(
  { opType, input, output, attribute }: NodeProto,
  stored: ReadonlyMap<string, TensorProto>,
): Product | undefined {
  if (!['MatMul', 'FusedMatMul', 'Gemm'].includes(opType)) return undefined
  const weight = stored.get(input[1]!)
  const bias = input[2]
  const numbers = weight?.dims.reduce((product, size) => product * Number(size), 1) ?? 0
  if (!weight || weight.dataType !== ONNX_TYPE.float32 || weight.dims.length !== 2 || numbers < SMALLEST)
    return undefined
  if (bias && stored.get(bias)?.dims.length !== 1) return undefined
  const value = (name: string, fallback: number): number => {
    const found = attribute.find((each) => each.name === name)
    return found ? Number(found.i) || found.f : fallback
  }
  if (value('alpha', 1) !== 1 || value('beta', 1) !== 1 || value('transA', 0) !== 0) return undefined
  return { input: input[0]!, weight, transposed: value('transB', 0) === 1, bias, output: output[0]! }
}

/** A quantised matrix: the names of its int8 numbers `[K, N]` and of the scale of each column `[N]`. */
interface Quantized {
  readonly matrix: string
  readonly scales: string
}

/** Writes quantised products, and quantises each tensor and each matrix once. */
class Quantizer {
  readonly #matrices = new Map<string, Quantized>()
  readonly #inputs = new Set<string>()
  /** the stored tensors that the products need */
  readonly added: TensorProto[] = []

  /** The nodes that compute a product with integers. */
  quantized({ input, weight, transposed, bias, output }: Product): NodeProto[] {
    const { matrix, scales } = this.#matrix(weight, transposed)
    const [integers, scale, zero] = ['integers', 'scale', 'zero'].map((part) => `${input}.${part}`) as [
      string,
      string,
      string,
    ]
    const nodes: NodeProto[] = []
    if (!this.#inputs.has(input)) nodes.push(node('DynamicQuantizeLinear', [input], [integers, scale, zero]))
    this.#inputs.add(input)
    const inputs = [integers, matrix, scale, scales, zero, '', ...(bias ? [bias] : [])]
    nodes.push(node('MatMulIntegerToFloat', inputs, [output], 'com.microsoft'))
    return nodes
  }

  #matrix(weight: TensorProto, transposed: boolean): Quantized {
    const key = `${weight.name}${transposed ? '.transposed' : ''}`
    const known = this.#matrices.get(key)
    if (known) return known
    const { data, scales, rows, columns } = quantizedMatrix(weight, transposed)
    const names = { matrix: `${key}.int8`, scales: `${key}.scales` }
    this.added.push(
      create(TensorProtoSchema, {
        name: names.matrix,
        dims: [rows, columns].map(BigInt),
        dataType: INT8,
        rawData: new Uint8Array(data.buffer),
      }),
      tensorProto(names.scales, new Uint8Array(scales.buffer), 'float32', [columns]),
    )
    this.#matrices.set(key, names)
    return names
  }
}

const node = (opType: string, input: string[], output: string[], domain = ''): NodeProto =>
  create(NodeProtoSchema, { opType, input, output, domain, name: output[0]! })

/** A float32 matrix as int8 numbers `[rows, columns]` times a scale for each column. */
function quantizedMatrix({ rawData, dims }: TensorProto, transposed: boolean) {
  const [first, second] = dims.map(Number) as [number, number]
  const [rows, columns] = transposed ? [second, first] : [first, second]
  const numbers = floatsOf(rawData)
  const [down, across] = transposed ? [1, rows] : [columns, 1]
  const scales = new Float32Array(columns)
  for (let row = 0; row < rows; row++)
    for (let column = 0, at = row * down; column < columns; column++, at += across) {
      const size = Math.abs(numbers[at]!)
      if (size > scales[column]!) scales[column] = size
    }
  for (let column = 0; column < columns; column++) scales[column] = scales[column]! / LARGEST || 1
  const data = new Int8Array(rows * columns)
  for (let row = 0; row < rows; row++)
    for (let column = 0, at = row * down, to = row * columns; column < columns; column++, at += across, to++)
      data[to] = Math.round(numbers[at]! / scales[column]!)
  return { data, scales, rows, columns }
}

/** The numbers of a stored tensor, copied if their bytes are not aligned. */
const floatsOf = (bytes: Uint8Array): Float32Array =>
  bytes.byteOffset % 4 === 0
    ? new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
    : new Float32Array(bytes.slice().buffer)
