import {
  add,
  clip,
  concat,
  conv,
  mean,
  mul,
  relu,
  reshape,
  samePadding,
  sigmoid,
  type Tensor,
  transpose,
} from '../../../graph/index.ts'
import { layouts, type TfjsNode } from './node.ts'
import { stretch } from './stretch.ts'

/**
 * How each TensorFlow operator becomes graph (https://www.tensorflow.org/api_docs/python/tf/raw_ops); those of convolutional networks at inference.
 * Tensors of four axes are [N, C, H, W] here and [N, H, W, C] in the file.
 */
export type Rule = (node: TfjsNode) => Tensor

type Pair = readonly [number, number]

const unary =
  (apply: (x: Tensor) => Tensor): Rule =>
  (node) =>
    apply(node.input(0))

const binary =
  (apply: (a: Tensor, b: Tensor) => Tensor): Rule =>
  (node) =>
    apply(node.input(0), node.input(1))

const relu6 = (x: Tensor): Tensor => clip(x, 0, 6)

export const rules: Readonly<Record<string, Rule>> = {
  Identity: unary((x) => x),
  Add: binary(add),
  AddV2: binary(add),
  Mul: binary(mul),
  Relu: unary(relu),
  Relu6: unary(relu6),
  Sigmoid: unary(sigmoid),
  Conv2D: (node) => convolved(node, node.filters(1), undefined, 1),
  _FusedConv2D: (node) => fused(node, (bias) => convolved(node, node.filters(1), bias, 1)),
  DepthwiseConv2dNative: (node) => depthwise(node, undefined),
  FusedDepthwiseConv2dNative: (node) => fused(node, (bias) => depthwise(node, bias)),
  Mean(node) {
    const axes = node.numbers(1)
    if (axes.toSorted().join() !== '1,2') node.unsupported(`over the axes ${axes.join(', ')}`)
    return mean(node.input(0), [2, 3], { keep: node.flag('keep_dims') })
  },
  ConcatV2(node) {
    const parts = Array.from({ length: node.inputCount - 1 }, (_, i) => node.input(i))
    const [axis] = node.numbers(parts.length)
    const rank = parts[0]!.shape.length
    if (rank !== 4) node.unsupported(`of ${rank} axes`)
    return concat(parts, layouts.NHWC.indexOf((axis! < 0 ? axis! + rank : axis) as 0))
  },
  ResizeBilinear(node) {
    if (node.flag('align_corners') || node.flag('half_pixel_centers'))
      node.unsupported('that puts the centres or the corners of pixels on one another')
    const x = node.input(0)
    return node.numbers(1).reduce((stretched, size, i) => {
      const times = size / (x.shape[i + 2] as number)
      if (!Number.isInteger(times)) node.unsupported(`by ${times}, which is not whole,`)
      return stretch(stretched, i + 2, times)
    }, x)
  },
}

function convolved(node: TfjsNode, filters: Tensor, bias: Tensor | undefined, groups: number): Tensor {
  const format = node.string('data_format', 'NHWC')
  if (format !== 'NHWC') node.unsupported(`in the layout ${format}`)
  const x = node.input(0)
  const strides = node.ints('strides', [1, 1, 1, 1]).slice(1, 3) as unknown as Pair
  const dilations = node.ints('dilations', [1, 1, 1, 1]).slice(1, 3) as unknown as Pair
  const padding = node.string('padding', '')
  if (padding !== 'SAME' && padding !== 'VALID') node.unsupported(`with the padding "${padding}"`)
  const kernel = filters.shape.slice(2) as unknown as Pair
  const zeros = padding === 'SAME' ? samePadding(x, kernel, { strides, dilations }) : ([0, 0] as const)
  const before = zeros.map((count) => Math.floor(count / 2)) as unknown as Pair // an odd one comes at the end
  const after = zeros.map((count) => Math.ceil(count / 2)) as unknown as Pair
  return conv(x, filters, bias, { strides, dilations, before, after, groups })
}

/** Filters [multiplier, C, rows, columns], of which each goes over one channel: C groups of `multiplier`. */
function depthwise(node: TfjsNode, bias: Tensor | undefined): Tensor {
  const filters = node.filters(1)
  const [multiplier, channels, ...kernel] = filters.shape as [number, number, number, number]
  const grouped = reshape(transpose(filters, [1, 0, 2, 3]), [channels * multiplier, 1, ...kernel])
  return convolved(node, grouped, bias, channels)
}

/** A convolution followed by what is fused with it: the addition of a bias, then an activation. */
function fused(node: TfjsNode, apply: (bias: Tensor) => Tensor): Tensor {
  const [first, activation, ...others] = node.strings('fused_ops')
  const activate = activation === undefined ? (x: Tensor) => x : activations[activation]
  if (first !== 'BiasAdd' || !activate || others.length > 0)
    return node.unsupported(`fused with ${node.strings('fused_ops').join(', ') || 'nothing'}`)
  return activate(apply(node.vector(2)))
}

const activations: Readonly<Record<string, (x: Tensor) => Tensor>> = { Relu: relu, Relu6: relu6 }
