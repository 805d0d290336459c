import {
  add,
  cast,
  clip,
  concat,
  div,
  dtypeOf,
  exp,
  greater,
  log,
  matmul,
  mean,
  mul,
  neg,
  pad,
  product,
  relu,
  reshape,
  sigmoid,
  softmax,
  softplus,
  sqrt,
  sub,
  type Tensor,
  tanh,
  transpose,
  where,
} from '../graph/index.ts'
import type { OnnxNode } from './node.ts'
import { convRule, maxPoolRule, resizeRule, sliceRule } from './spatial.ts'

/** Builds the graph of an ONNX node. Throws UserError or ShapeError if the node is not supported or not valid. */
export type Rule = (node: OnnxNode) => Tensor

const unary =
  (apply: (x: Tensor) => Tensor): Rule =>
  (node) =>
    apply(node.input(0))

const binary =
  (apply: (a: Tensor, b: Tensor) => Tensor): Rule =>
  (node) =>
    apply(node.input(0), node.input(1))

const LOWEST_FLOAT32 = -3.4028234663852886e38

/** The import rule of each supported operator (https://onnx.ai/onnx/operators/): those of convolutional networks. */
export const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['Add', binary(add)],
  ['Sub', binary(sub)],
  ['Mul', binary(mul)],
  ['Div', binary(div)],
  ['MatMul', binary(matmul)],
  ['Identity', unary((x) => x)],
  ['Cast', castRule],
  ['Dropout', unary((x) => x)],
  ['Exp', unary(exp)],
  ['Log', unary(log)],
  ['Neg', unary(neg)],
  ['Relu', unary(relu)],
  ['Sigmoid', unary(sigmoid)],
  ['Softplus', unary(softplus)],
  ['Sqrt', unary(sqrt)],
  ['Tanh', unary(tanh)],
  ['HardSwish', unary((x) => mul(x, clip(add(mul(x, 1 / 6), 0.5), 0, 1)))],
  ['HardSigmoid', (node) => clip(add(mul(node.input(0), node.float('alpha', 0.2)), node.float('beta', 0.5)), 0, 1)],
  ['LeakyRelu', (node) => leakyRelu(node.input(0), node.float('alpha', 0.01))],
  ['PRelu', (node) => leakyRelu(node.input(0), node.input(1))],
  ['Clip', clipRule],
  ['Softmax', softmaxRule],
  ['BatchNormalization', batchNormRule],
  ['Gemm', gemmRule],
  ['GlobalAveragePool', unary((x) => mean(x, x.shape.map((_, axis) => axis).slice(2), { keep: true }))],
  ['ReduceMean', reduceMeanRule],
  ['Concat', concatRule],
  ['Flatten', flattenRule],
  ['Reshape', reshapeRule],
  ['Squeeze', squeezeRule],
  ['Unsqueeze', unsqueezeRule],
  ['Transpose', transposeRule],
  ['Pad', padRule],
  ['Conv', convRule],
  ['MaxPool', maxPoolRule],
  ['Resize', resizeRule],
  ['Upsample', resizeRule],
  ['Slice', sliceRule],
])

const leakyRelu = (x: Tensor, slope: Tensor | number): Tensor => where(greater(x, 0), x, mul(x, slope))

function castRule(node: OnnxNode): Tensor {
  const type = node.int('to', 1)
  return cast(node.input(0), dtypeOf(type) ?? node.unsupported(`to the ONNX type ${type}`))
}

function clipRule(node: OnnxNode): Tensor {
  const bound = (name: string, index: number, open: number): number =>
    node.opset < 11 ? node.float(name, open) : node.has(index) ? node.number(index) : open
  return clip(node.input(0), bound('min', 1, LOWEST_FLOAT32), bound('max', 2, -LOWEST_FLOAT32))
}

function softmaxRule(node: OnnxNode): Tensor {
  const x = node.input(0)
  const [axis] = node.axes([node.int('axis', node.opset < 13 ? 1 : -1)], x.shape)
  if (axis !== x.shape.length - 1) node.unsupported('along another axis than the last')
  return softmax(x)
}

/**
 * x·f + (bias - mean·f) with f = scale / √(variance + ε): in this form ONNX Runtime fuses it with a convolution before
 * it.
 */
function batchNormRule(node: OnnxNode): Tensor {
  const x = node.input(0)
  const perChannel = [-1, ...x.shape.slice(2).map(() => 1)]
  const [scale, bias, average, variance] = [1, 2, 3, 4].map((i) => reshape(node.input(i), perChannel))
  const factor = div(scale!, sqrt(add(variance!, node.float('epsilon', 1e-5))))
  return add(mul(x, factor), sub(bias!, mul(average!, factor)))
}

function gemmRule(node: OnnxNode): Tensor {
  const [a, b] = [node.input(0), node.input(1)]
  if (a.shape.length !== 2 || b.shape.length !== 2) node.unsupported('of other tensors than matrices')
  const [transA, transB] = [node.int('transA', 0) !== 0, node.int('transB', 0) !== 0]
  const y = matmul(a, b, { transA, transB, scale: node.float('alpha', 1) })
  return node.has(2) ? add(y, mul(node.input(2), node.float('beta', 1))) : y
}

function reduceMeanRule(node: OnnxNode): Tensor {
  const x = node.input(0)
  const keep = node.int('keepdims', 1) !== 0
  const axes = node.axes(node.listed('axes', 1) ?? [], x.shape)
  if (axes.length > 0) return mean(x, axes, { keep })
  return node.int('noop_with_empty_axes', 0) !== 0 ? x : mean(x, [...x.shape.keys()], { keep })
}

function concatRule(node: OnnxNode): Tensor {
  const parts = Array.from({ length: node.inputCount }, (_, i) => node.input(i))
  return concat(parts, node.int('axis', 0))
}

function flattenRule(node: OnnxNode): Tensor {
  const x = node.input(0)
  const rank = x.shape.length
  const axis = node.int('axis', 1)
  if (axis < -rank || axis > rank) node.unsupported(`at axis ${axis} of ${rank}`)
  return reshape(x, [product(x.shape.slice(0, axis)), product(x.shape.slice(axis))])
}

function reshapeRule(node: OnnxNode): Tensor {
  const x = node.input(0)
  if (node.int('allowzero', 0) !== 0) node.unsupported('with allowzero')
  const sizes = node.numbers(1).map((size, axis) => {
    if (size === 0) return x.shape[axis] ?? node.unsupported(`that copies axis ${axis} of ${x.shape.length}`)
    return axis === 0 && size === node.fileBatch && x.shape.length > 0 ? x.shape[0]! : size
  })
  return reshape(x, sizes)
}

function squeezeRule(node: OnnxNode): Tensor {
  const { shape } = node.input(0)
  const listed = node.listed('axes', 1)
  const axes = listed && node.axes(listed, shape)
  return reshape(
    node.input(0),
    shape.filter((size, axis) => (axes ? !axes.includes(axis) : size !== 1)),
  )
}

function unsqueezeRule(node: OnnxNode): Tensor {
  const x = node.input(0)
  const listed = node.listed('axes', 1) ?? []
  const result = Array.from({ length: x.shape.length + listed.length }, () => 1)
  const axes = node.axes(listed, result)
  const sizes = x.shape.values()
  return reshape(
    x,
    result.map((one, axis) => (axes.includes(axis) ? one : sizes.next().value!)),
  )
}

function transposeRule(node: OnnxNode): Tensor {
  const x = node.input(0)
  return transpose(x, node.ints('perm', [...x.shape.keys()].reverse()))
}

function padRule(node: OnnxNode): Tensor {
  const x = node.input(0)
  const amounts = node.listed('pads', 1) ?? []
  if (node.string('mode', 'constant') !== 'constant' || node.has(3)) node.unsupported('in another mode than constant')
  if ((node.has(2) ? node.number(2) : node.float('value', 0)) !== 0) node.unsupported('with anything but zeros')
  const rank = x.shape.length
  if (amounts.length !== 2 * rank) node.unsupported(`of ${rank} axes with ${amounts.length} amounts`)
  return x.shape.reduce<Tensor>((padded, _, axis) => pad(padded, axis, amounts[axis]!, amounts[rank + axis]!), x)
}
