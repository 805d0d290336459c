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
import { LAYOUTS, type TfjsNode } from './node.ts'
import { stretch } from './stretch.ts'

/** Builds the graph of a TensorFlow node. Throws UserError or ShapeError if the node is not supported or not valid. */
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

/** The factors by which ResizeBilinear may enlarge an axis. */
const MAX_STRETCH = 64

/**
 * The import rule of each supported operator (https://www.tensorflow.org/api_docs/python/tf/raw_ops): those of
 * convolutional networks at inference. Tensors of four axes are `[N, C, H, W]` here and `[N, H, W, C]` in the file.
 */
export const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['Identity', unary((x) => x)],
  ['Add', binary(add)],
  ['AddV2', binary(add)],
  ['Mul', binary(mul)],
  ['Relu', unary(relu)],
  ['Relu6', unary(relu6)],
  ['Sigmoid', unary(sigmoid)],
  ['Conv2D', (node) => convolved(node, node.filters(1), undefined, 1)],
  ['_FusedConv2D', (node) => fused(node, (bias) => convolved(node, node.filters(1), bias, 1))],
  ['DepthwiseConv2dNative', (node) => depthwise(node, undefined)],
  ['FusedDepthwiseConv2dNative', (node) => fused(node, (bias) => depthwise(node, bias))],
  ['Mean', meanRule],
  ['ConcatV2', concatRule],
  ['ResizeBilinear', resizeRule],
])

const ACTIVATIONS: ReadonlyMap<string | undefined, (x: Tensor) => Tensor> = new Map([
  [undefined, (x: Tensor) => x],
  ['Relu', relu],
  ['Relu6', relu6],
])

function meanRule(node: TfjsNode): Tensor {
  const axes = node.numbers(1)
  if (axes.toSorted().join() !== '1,2') node.unsupported(`over the axes ${axes.join(', ')}`)
  return mean(node.input(0), [2, 3], { keep: node.flag('keep_dims') })
}

function concatRule(node: TfjsNode): Tensor {
  const parts = Array.from({ length: Math.max(0, node.inputCount - 1) }, (_, i) => node.input(i))
  const rank = parts[0]?.shape.length
  if (rank !== 4) node.unsupported(`of ${rank ?? 'no'} axes`)
  const [axis = Number.NaN] = node.numbers(parts.length)
  const ours = LAYOUTS.NHWC.findIndex((theirs) => theirs === (axis < 0 ? axis + 4 : axis))
  return ours < 0 ? node.unsupported(`along axis ${axis}`) : concat(parts, ours)
}

function resizeRule(node: TfjsNode): Tensor {
  if (node.flag('align_corners') || node.flag('half_pixel_centers'))
    node.unsupported('with align_corners or half_pixel_centers')
  const x = node.input(0)
  const size = node.mapSize(1)
  if (x.shape.length !== 4 || size.length !== 2) node.unsupported(`of ${x.shape.length} axes to [${size.join(', ')}]`)
  return size.reduce((stretched, to, i) => {
    const times = to / (x.shape[i + 2] as number)
    if (!Number.isInteger(times) || times < 1 || times > MAX_STRETCH)
      node.unsupported(`by ${times}, which is not a whole number from 1 to ${MAX_STRETCH},`)
    return stretch(stretched, i + 2, times)
  }, x)
}

function convolved(node: TfjsNode, filters: Tensor, bias: Tensor | undefined, groups: number): Tensor {
  const format = node.string('data_format', 'NHWC')
  if (format !== 'NHWC') node.unsupported(`in the layout ${format}`)
  const x = node.input(0)
  const strides = node.window('strides')
  const dilations = node.window('dilations')
  const padding = node.string('padding', '')
  if (padding !== 'SAME' && padding !== 'VALID') node.unsupported(`with the padding "${padding}"`)
  const kernel = filters.shape.slice(2) as unknown as Pair
  const zeros = padding === 'SAME' ? samePadding(x, kernel, { strides, dilations }) : ([0, 0] as const)
  const before = zeros.map((count) => Math.floor(count / 2)) as unknown as Pair // an odd one is padded at the end
  const after = zeros.map((count) => Math.ceil(count / 2)) as unknown as Pair
  return conv(x, filters, bias, { strides, dilations, before, after, groups })
}

/** Filters `[multiplier, C, rows, columns]`, each over one channel, as C groups of `multiplier` filters. */
function depthwise(node: TfjsNode, bias: Tensor | undefined): Tensor {
  const filters = node.filters(1)
  const [multiplier, channels, ...kernel] = filters.shape as [number, number, number, number]
  const grouped = reshape(transpose(filters, [1, 0, 2, 3]), [channels * multiplier, 1, ...kernel])
  return convolved(node, grouped, bias, channels)
}

/** A convolution fused with a bias and an activation. */
function fused(node: TfjsNode, apply: (bias: Tensor) => Tensor): Tensor {
  const [first, activation, ...others] = node.strings('fused_ops')
  const activate = ACTIVATIONS.get(activation)
  if (first !== 'BiasAdd' || !activate || others.length > 0)
    return node.unsupported(`fused with ${node.strings('fused_ops').join(', ') || 'nothing'}`)
  return activate(apply(node.vector(2)))
}
