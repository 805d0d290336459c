import { fromBinary, toBinary } from '@bufbuild/protobuf'
import type { HostValue } from '../formats/host-value.ts'
import { inputsOf, outputsOf, sortedNodes } from '../onnx/dataflow.ts'
import { valueProto } from '../onnx/emit.ts'
import { BIT_OPERATORS } from '../onnx/export.ts'
import { extract } from '../onnx/extract.ts'
import {
  type GraphProto,
  ModelProtoSchema,
  type NodeProto,
  TensorProto_DataType,
  type ValueInfoProto,
} from '../onnx/pb.ts'
import type { Value } from './session.ts'

/** A size of an input of the model, as an input of its host part: an int64 vector. */
export interface SizeInput {
  readonly name: string
  /** the input whose size it is */
  readonly of: string
  readonly start: number
  readonly end: number | undefined
}

/** The part of a model that the processor runs first. */
export interface HostPart {
  readonly model: Uint8Array
  /** the model's own inputs that it takes */
  readonly inputs: readonly string[]
  readonly sizes: readonly SizeInput[]
}

/** A model in two parts: the outputs of the host part are inputs of the device's. */
export interface SplitModel {
  readonly device: Uint8Array
  /** undefined if the device runs all */
  readonly host?: HostPart
}

/** Operators that make sizes of sizes. */
const SIZE_OPERATORS = new Set(['Mul', 'Concat'])
/** Types of inputs that the host part may read: not that of features and weights, which a device may hold. */
const INTEGERS: ReadonlySet<number> = new Set([TensorProto_DataType.INT32, TensorProto_DataType.INT64])

/**
 * Splits off what a model does with bits and with sizes. ONNX Runtime would copy them between device and processor
 * hundreds of times in a training step, each time waiting for the device: WebGPU has no operators on bits, and the
 * processor needs the products of sizes. The random numbers of dropout and of samples (nn/noise.ts) depend on a
 * seed, the step and sizes alone, so that the processor can compute all of that before the device begins. Models of
 * which that is not true stay whole.
 */
export function splitHostPart(bytes: Uint8Array): SplitModel {
  const model = fromBinary(ModelProtoSchema, bytes)
  const { graph } = model
  if (!graph) return { device: bytes }
  const sizes = computedSizes(graph)
  const cut = cutAt(graph, (node) => hasBits(node) || sizes.has(node))
  if (cut.tensors.size === 0) return { device: bytes }
  const types = new Map(graph.valueInfo.map((info) => [info.name, info]))
  for (const name of [...sizes].flatMap(outputsOf)) types.set(name, valueProto(name, 'int64'))
  const given = new Map(graph.input.map((info) => [info.name, info]))
  const nodes = sortedNodes(graph, [...cut.tensors])
  const measured = nodes.filter(isSize)
  const inputs = [...new Set(nodes.filter((node) => !isSize(node)).flatMap(inputsOf))].flatMap(
    (name) => given.get(name) ?? [],
  )
  const isWhole =
    graph.output.some(({ name }) => cut.tensors.has(name)) ||
    [...cut.tensors].some((name) => !types.has(name)) ||
    measured.some(({ input }) => !given.has(input[0]!)) ||
    inputs.some((info) => !INTEGERS.has(elementType(info)))
  if (isWhole) return { device: bytes }
  const sizeInputs = measured.map(sizeInput)
  const host: HostPart = {
    model: extract(
      { ...model, graph },
      {
        nodes: nodes.filter((node) => !isSize(node)),
        inputs: [...inputs, ...sizeInputs.map(({ name }) => valueProto(name, 'int64'))],
        outputs: [...cut.tensors],
      },
    ),
    inputs: inputs.map(({ name }) => name),
    sizes: sizeInputs,
  }
  const used = new Set([...cut.nodes].flatMap(inputsOf))
  graph.node = graph.node.filter((node) => cut.nodes.has(node))
  graph.input = [
    ...graph.input.filter(({ name }) => used.has(name)),
    ...[...cut.tensors].map((name) => types.get(name)!),
  ]
  graph.initializer = graph.initializer.filter(({ name }) => used.has(name))
  graph.valueInfo = graph.valueInfo.filter(({ name }) => !cut.tensors.has(name))
  return { device: toBinary(ModelProtoSchema, model), host }
}

/** The feeds of a host part that are sizes, from the feeds of the whole model. */
export function sizeFeeds({ sizes }: HostPart, feed: (name: string) => Value): Record<string, HostValue> {
  return Object.fromEntries(
    sizes.map(({ name, of, start, end }) => {
      const data = BigInt64Array.from(feed(of).shape.slice(start, end), BigInt)
      return [name, { dtype: 'int64', shape: [data.length], data }]
    }),
  )
}

const hasBits = ({ opType, domain }: NodeProto): boolean => domain === '' && BIT_OPERATORS.has(opType)

const isSize = ({ opType, domain }: NodeProto): boolean => domain === '' && opType === 'Shape'

/** The nodes that compute sizes of the sizes of inputs and of constants. */
function computedSizes(graph: GraphProto): ReadonlySet<NodeProto> {
  const inputs = new Set(graph.input.map(({ name }) => name))
  const constants = new Set(graph.initializer.map(({ name }) => name))
  const [sizes, computed] = [new Set<string>(), new Set<NodeProto>()]
  for (const node of graph.node) {
    const isComputed =
      SIZE_OPERATORS.has(node.opType) &&
      node.input.some((name) => sizes.has(name)) &&
      node.input.every((name) => sizes.has(name) || constants.has(name))
    if (!isComputed && !(isSize(node) && inputs.has(node.input[0]!))) continue
    if (isComputed) computed.add(node)
    for (const name of outputsOf(node)) sizes.add(name)
  }
  return computed
}

/** The nodes that the outputs need if the results of those that `ends` tells are given, and these results. */
function cutAt(
  graph: GraphProto,
  ends: (node: NodeProto) => boolean,
): { readonly nodes: ReadonlySet<NodeProto>; readonly tensors: ReadonlySet<string> } {
  const producers = new Map(graph.node.flatMap((node) => outputsOf(node).map((name) => [name, node] as const)))
  const [nodes, tensors] = [new Set<NodeProto>(), new Set<string>()]
  const open = graph.output.map(({ name }) => name)
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const node = producers.get(name)
    if (!node || nodes.has(node)) continue
    if (ends(node)) tensors.add(name)
    else {
      nodes.add(node)
      open.push(...inputsOf(node))
    }
  }
  return { nodes, tensors }
}

function sizeInput({ input, output, attribute }: NodeProto): SizeInput {
  const number = (key: string): number | undefined => {
    const found = attribute.find(({ name }) => name === key)
    return found && Number(found.i)
  }
  return { name: output[0]!, of: input[0]!, start: number('start') ?? 0, end: number('end') }
}

const elementType = ({ type }: ValueInfoProto): number =>
  type?.value.case === 'tensorType' ? type.value.value.elemType : TensorProto_DataType.UNDEFINED
