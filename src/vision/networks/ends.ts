import { create } from '@bufbuild/protobuf'
import { inputsOf, outputsOf } from '../../onnx/dataflow.ts'
import { attributeProto, tensorProto } from '../../onnx/emit.ts'
import { opsetOf } from '../../onnx/file.ts'
import {
  type AttributeProto,
  TensorProto_DataType as DataType,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../../onnx/pb.ts'
import type { ImageInput } from './image-input.ts'
import type { FeatureLayer } from './layers.ts'
import type { Axis } from './layout.ts'

type Model = ModelProto & { graph: GraphProto }

/** Since this operator set Slice takes its bounds as inputs. */
const SLICE_BY_INPUTS = 10

/** A name that no tensor of the graph starts with, made of `stem`. */
export function freshName(graph: GraphProto, stem: string): string {
  const taken = [
    ...graph.node.flatMap((node) => [...inputsOf(node), ...outputsOf(node)]),
    ...graph.input.map(({ name }) => name),
  ]
  let name = stem
  while (taken.some((each) => each.startsWith(name))) name = `${name}_`
  return name
}

/**
 * The input of a cut network, float32 `[batch, 3, height, width]`, and the nodes that make the file's own input of it.
 * A `batch` of undefined stands for any number.
 */
export function imagesFor(
  { graph }: Model,
  { name, type, channelsLast }: ImageInput,
  { batch, height, width }: { readonly batch: number | undefined; readonly height: number; readonly width: number },
): { readonly input: ValueInfoProto; readonly nodes: readonly NodeProto[] } {
  const stem = freshName(graph, 'images')
  const steps: ((output: string, input: string) => NodeProto)[] = []
  if (channelsLast)
    steps.push((output, input) => node('Transpose', [input], output, [attributeProto('perm', [0, 2, 3, 1])]))
  if (type !== DataType.FLOAT)
    steps.push((output, input) => node('Cast', [input], output, [attributeProto('to', type)]))
  const names = [...steps.map((_, i) => `${stem}_${i}`), name]
  const dim = [batch, 3, height, width].map((size) =>
    create(TensorShapeProto_DimensionSchema, {
      value: size === undefined ? { case: 'dimParam', value: stem } : { case: 'dimValue', value: BigInt(size) },
    }),
  )
  const tensorType = create(TypeProto_TensorSchema, {
    elemType: DataType.FLOAT,
    shape: create(TensorShapeProtoSchema, { dim }),
  })
  return {
    input: create(ValueInfoProtoSchema, {
      name: names[0]!,
      type: create(TypeProtoSchema, { value: { case: 'tensorType', value: tensorType } }),
    }),
    nodes: steps.map((make, i) => make(names[i + 1]!, names[i]!)),
  }
}

/**
 * The nodes that make regions, float32 `[batch, rows * columns, size]`, of a layer: tokens that are no cells are left
 * out, and channels come last.
 */
export function regionsFrom(
  model: Model,
  { name, axes, rows, columns, size, before, after }: FeatureLayer,
): { readonly nodes: readonly NodeProto[]; readonly weights: readonly TensorProto[]; readonly output: string } {
  const stem = freshName(model.graph, 'regions')
  const nodes: NodeProto[] = []
  const weights: TensorProto[] = []
  let last = name
  const step = (type: string, inputs: readonly string[], attributes: readonly AttributeProto[], output: string) => {
    nodes.push(node(type, [last, ...inputs], output, attributes))
    last = output
  }
  const stored = (what: string, values: readonly number[]): string => {
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer)
    weights.push(tensorProto(`${stem}_${what}`, bytes, 'int64', [values.length]))
    return `${stem}_${what}`
  }
  step('Cast', [], [attributeProto('to', DataType.FLOAT)], `${stem}_float`)
  if (before + after > 0) {
    const bounds = { starts: [before], ends: [before + rows * columns], axes: [axes.indexOf('tokens')] }
    const named = Object.entries(bounds)
    const byInputs = opsetOf(model) >= SLICE_BY_INPUTS
    step(
      'Slice',
      byInputs ? named.map(([what, values]) => stored(what, values)) : [],
      byInputs ? [] : named.map(([what, values]) => attributeProto(what, values)),
      `${stem}_cells`,
    )
  }
  const order: readonly Axis[] = ['images', 'rows', 'columns', 'tokens', 'channels']
  const perm = order.flatMap((axis) => (axes.includes(axis) ? [axes.indexOf(axis)] : []))
  step('Transpose', [], [attributeProto('perm', perm)], `${stem}_last`)
  step('Reshape', [stored('shape', [-1, rows * columns, size])], [], stem)
  return { nodes, weights, output: stem }
}

const node = (type: string, input: string[], output: string, attribute: readonly AttributeProto[]): NodeProto =>
  create(NodeProtoSchema, { opType: type, name: output, input, output: [output], attribute: [...attribute] })
