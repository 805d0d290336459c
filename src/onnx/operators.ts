import {
  add,
  clip,
  concat,
  div,
  exp,
  greater,
  log,
  matmul,
  mean,
  mul,
  neg,
  pad,
  relu,
  reshape,
  sigmoid,
  softmax,
  softplus,
  sqrt,
  sub,
  tanh,
  transpose,
  where,
} from '../graph/ops/index.ts'
import { frontAxis, product } from '../graph/shape.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { OnnxNode } from './node.ts'
import { convRule, maxPoolRule, resizeRule, sliceRule } from './spatial.ts'

/** How each ONNX operator becomes graph (https://onnx.ai/onnx/operators/); those of convolutional networks at inference. */
export type Rule = (node: OnnxNode) => Tensor

const unary =
  (apply: (x: Tensor) => Tensor): Rule =>
  (node) =>
    apply(node.input(0))

const binary =
  (apply: (a: Tensor, b: Tensor) => Tensor): Rule =>
  (node) =>
    apply(node.input(0), node.input(1))

const lowest = -3.4028234663852886e38

export const rules: Readonly<Record<string, Rule>> = {
  Add: binary(add),
  Sub: binary(sub),
  Mul: binary(mul),
  Div: binary(div),
  MatMul: binary(matmul),
  Identity: unary((x) => x),
  Dropout: unary((x) => x),
  Exp: unary(exp),
  Log: unary(log),
  Neg: unary(neg),
  Relu: unary(relu),
  Sigmoid: unary(sigmoid),
  Softplus: unary(softplus),
  Sqrt: unary(sqrt),
  Tanh: unary(tanh),
  GlobalAveragePool: unary((x) => mean(x, [2, 3], { keep: true })),
  HardSwish: unary((x) => mul(x, clip(add(mul(x, 1 / 6), 0.5), 0, 1))),
  HardSigmoid: (node) => clip(add(mul(node.input(0), node.float('alpha', 0.2)), node.float('beta', 0.5)), 0, 1),
  LeakyRelu: (node) => where(greater(node.input(0), 0), node.input(0), mul(node.input(0), node.float('alpha', 0.01))),
  PRelu: (node) => where(greater(node.input(0), 0), node.input(0), mul(node.input(0), node.input(1))),
  Clip: (node) => {
    const bound = (name: string, index: number, open: number): number =>
      node.opset < 11 ? node.float(name, open) : node.has(index) ? node.numbers(index)[0]! : open
    return clip(node.input(0), bound('min', 1, lowest), bound('max', 2, -lowest))
  },
  Softmax(node) {
    const x = node.input(0)
    if (frontAxis('softmax', node.int('axis', node.opset < 13 ? 1 : -1), x.shape) !== x.shape.length - 1)
      node.unsupported('along another axis than the last')
    return softmax(x)
  },
  BatchNormalization(node) {
    const [scale, bias, average, variance] = [1, 2, 3, 4].map((i) => reshape(node.input(i), [-1, 1, 1]))
    const factor = div(scale!, sqrt(add(variance!, node.float('epsilon', 1e-5))))
    return add(mul(sub(node.input(0), average!), factor), bias!)
  },
  Gemm(node) {
    const [transA, transB] = [node.int('transA', 0) === 1, node.int('transB', 0) === 1]
    const y = matmul(node.input(0), node.input(1), { transA, transB, scale: node.float('alpha', 1) })
    return node.has(2) ? add(y, mul(node.input(2), node.float('beta', 1))) : y
  },
  ReduceMean(node) {
    const x = node.input(0)
    return mean(x, node.listed('axes', 1) ?? x.shape.map((_, axis) => axis), { keep: node.int('keepdims', 1) === 1 })
  },
  Concat: (node) =>
    concat(
      Array.from({ length: node.inputCount }, (_, i) => node.input(i)),
      node.int('axis', 0),
    ),
  Flatten(node) {
    const { shape } = node.input(0)
    const axis = node.int('axis', 1)
    return reshape(node.input(0), [product(shape.slice(0, axis)), product(shape.slice(axis))])
  },
  Reshape(node) {
    const x = node.input(0)
    const [batch, ...sizes] = node.numbers(1).map((size, axis) => (size === 0 ? x.shape[axis]! : size))
    return reshape(x, [batch === node.fileBatch ? x.shape[0]! : batch!, ...sizes])
  },
  Squeeze(node) {
    const { shape } = node.input(0)
    const axes = node.listed('axes', 1)?.map((axis) => frontAxis('squeeze', axis, shape))
    return reshape(
      node.input(0),
      shape.filter((size, axis) => (axes ? !axes.includes(axis) : size !== 1)),
    )
  },
  Unsqueeze(node) {
    const x = node.input(0)
    const axes = node.listed('axes', 1) ?? []
    const rank = x.shape.length + axes.length
    const sizes = [...x.shape]
    const added = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)))
    return reshape(
      x,
      Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : sizes.shift()!)),
    )
  },
  Transpose: (node) =>
    transpose(
      node.input(0),
      node.ints(
        'perm',
        node
          .input(0)
          .shape.map((_, axis) => axis)
          .reverse(),
      ),
    ),
  Pad(node) {
    const amounts = node.listed('pads', 1) ?? []
    if (node.string('mode', 'constant') !== 'constant' || node.has(3) || (node.has(2) && node.numbers(2)[0] !== 0))
      node.unsupported('with anything but zeros')
    const rank = amounts.length / 2
    const axes = amounts.slice(0, rank).map((before, axis) => ({ axis, before, after: amounts[rank + axis]! }))
    return axes
      .filter(({ before, after }) => before !== 0 || after !== 0)
      .reduce((x, { axis, before, after }) => pad(x, axis, before, after), node.input(0))
  },
  Conv: convRule,
  MaxPool: maxPoolRule,
  Resize: resizeRule,
  Upsample: resizeRule,
  Slice: sliceRule,
}
