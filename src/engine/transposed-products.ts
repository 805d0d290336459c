import { create } from '@bufbuild/protobuf'
import { attributeProto } from '../onnx/emit.ts'
import {
  type GraphProto,
  type NodeProto,
  NodeProtoSchema,
  TensorProto_DataType,
  TensorProtoSchema,
} from '../onnx/pb.ts'

/**
 * Writes Gemm, or Transpose, MatMul and Mul, in place of FusedMatMul, which ONNX Runtime's WebGPU lacks: both factors
 * would be copied to the processor and the product back. Products whose factors have no known number of axes stay as
 * they are; toOnnx() states these numbers.
 */
export function replaceTransposedProducts(graph: GraphProto): void {
  if (!graph.node.some(isFused)) return
  const axes = axesOf(graph)
  const scales = new Set<number>()
  graph.node = graph.node.flatMap((node) => (isFused(node) ? (plain(node, axes, scales) ?? [node]) : [node]))
  for (const scale of scales)
    graph.initializer.push(
      create(TensorProtoSchema, { name: scaleName(scale), dataType: TensorProto_DataType.FLOAT, floatData: [scale] }),
    )
}

const isFused = ({ opType, domain }: NodeProto): boolean => opType === 'FusedMatMul' && domain === 'com.microsoft'

/** The number of axes of the tensors for which the file says it. */
function axesOf({ input, output, initializer, valueInfo }: GraphProto): ReadonlyMap<string, number> {
  const axes = new Map(initializer.map(({ name, dims }) => [name, dims.length]))
  for (const { name, type } of [...input, ...output, ...valueInfo])
    if (type?.value.case === 'tensorType' && type.value.value.shape) axes.set(name, type.value.value.shape.dim.length)
  return axes
}

/** The nodes that compute the product; adds what they multiply it by to `scales`. */
function plain(
  { name, input, output, attribute }: NodeProto,
  axes: ReadonlyMap<string, number>,
  scales: Set<number>,
): NodeProto[] | undefined {
  const attributes = new Map(attribute.map((each) => [each.name, each]))
  const swaps = ['transA', 'transB'].map((flag) => attributes.get(flag)?.i === 1n)
  const scale = attributes.get('alpha')?.f ?? 1
  const ranks = input.map((each) => axes.get(each))
  const result = output[0]!
  if (ranks.every((rank) => rank === 2)) {
    const flags = swaps.map((swap, i) => attributeProto(i === 0 ? 'transA' : 'transB', swap ? 1 : 0))
    return [node(name, 'Gemm', input, result, [...flags, attributeProto('alpha', { float: scale })])]
  }
  if (ranks.some((rank, i) => rank === undefined && swaps[i])) return undefined
  const factors = input.map((factor, i) => (swaps[i] ? `${result}.factor${i}` : factor))
  const transposes = input.flatMap((factor, i) =>
    swaps[i] ? [node(`${name}.transpose${i}`, 'Transpose', [factor], factors[i]!, [swapLastTwo(ranks[i]!)])] : [],
  )
  if (scale === 1) return [...transposes, node(name, 'MatMul', factors, result)]
  scales.add(scale)
  const product = `${result}.product`
  return [
    ...transposes,
    node(`${name}.product`, 'MatMul', factors, product),
    node(name, 'Mul', [product, scaleName(scale)], result),
  ]
}

const node = (
  name: string,
  opType: string,
  input: readonly string[],
  output: string,
  attribute: NodeProto['attribute'] = [],
): NodeProto => create(NodeProtoSchema, { name, opType, input: [...input], output: [output], attribute })

const swapLastTwo = (rank: number) =>
  attributeProto('perm', [...Array.from({ length: rank - 2 }, (_, axis) => axis), rank - 1, rank - 2])

const scaleName = (scale: number): string => `transposed_product.scale_${scale}`
