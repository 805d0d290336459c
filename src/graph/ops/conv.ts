import { type Dim, product, quotient, ShapeError, show } from '../shape.ts'
import { defineOp, type EmitOptions, type Tensor } from '../tensor.ts'
import { reshape, sum, transpose } from './movement.ts'
import { slice } from './slicing.ts'

/** Convolution over the last two axes. N pictures, C channels, H x W in, O filters of kh x kw, G groups; y is [N, O, oh, ow]. */

type Pair = readonly [number, number]

/** How a window goes over a picture, each as [down, across]. */
export interface Window {
  readonly strides: Pair
  readonly dilations: Pair
  /** zeros added before and after, each as [down, across] */
  readonly before: Pair
  readonly after: Pair
}

interface ConvAttrs extends Window {
  readonly groups: number
}

export type ConvOptions = Partial<ConvAttrs>

const withDefaults = ({
  strides = [1, 1],
  dilations = [1, 1],
  before = [0, 0],
  after = [0, 0],
  groups = 1,
}: ConvOptions): ConvAttrs => ({ strides, dilations, before, after, groups })

const convOp = defineOp<ConvAttrs>({
  name: 'conv',
  infer([x, w, bias], attrs) {
    const [n, c] = x!.shape
    const [o, perGroup] = w!.shape
    const fits =
      x!.shape.length === 4 &&
      w!.shape.length === 4 &&
      c === product([perGroup!, attrs.groups]) &&
      quotient(o!, attrs.groups) !== undefined
    if (!fits || (bias && !(bias.shape.length === 1 && bias.shape[0] === o)))
      throw new ShapeError(
        `Cannot convolve ${show(x!.shape)} with ${show(w!.shape)}${bias ? ` and bias ${show(bias.shape)}` : ''} in groups of ${attrs.groups}: ` +
          '[N, C, H, W], [O, C / groups, kh, kw] and [O] are wanted',
      )
    return { shape: [n!, o!, ...windowCounts(x!, spatial(w!), attrs)], dtype: x!.dtype }
  },
  grad({ dy, inputs: [x, w, bias], attrs }) {
    const db = bias && sum(dy, [0, 2, 3])
    return [transposedConv(dy, w!, spatial(x!), attrs), weightGradient(x!, dy, spatial(w!), attrs), db]
  },
  lower: ({ inputs, attrs }, emit, outputs) =>
    void emit.node('Conv', inputs.map(emit.name), { attrs: onnxAttrs(attrs), outputs }),
})

/** Filters `w` `[O, C/G, kh, kw]` at each place of x `[N, C, H, W]`, plus `bias` `[O]` if there is one (Dumoulin and Visin, arXiv 1603.07285). */
export const conv = (x: Tensor, w: Tensor, bias?: Tensor, options: ConvOptions = {}): Tensor =>
  convOp(bias ? [x, w, bias] : [x, w], withDefaults(options))[0]!

const transposedConvOp = defineOp<ConvAttrs & { readonly size: Pair }>({
  name: 'transposed conv',
  infer: ([y, w], { groups, size }) => ({
    shape: [y!.shape[0]!, product([w!.shape[1]!, groups]), ...size],
    dtype: y!.dtype,
  }),
  grad: ({ dy, inputs: [y, w], attrs }) => [conv(dy, w!, undefined, attrs), weightGradient(dy, y!, spatial(w!), attrs)],
  lower({ inputs: [y, w], attrs }, emit, outputs) {
    const [rows, columns] = spatial(y!)
    const [kh, kw] = spatial(w!)
    const covered = [coverage(rows, kh, 0, attrs), coverage(columns, kw, 1, attrs)]
    const rest = attrs.size.map((size, axis) => size + attrs.before[axis]! + attrs.after[axis]! - covered[axis]!)
    emit.node('ConvTranspose', [emit.name(y!), emit.name(w!)], {
      attrs: { ...onnxAttrs(attrs), output_padding: rest },
      outputs,
    })
  },
})

/** The gradient of a convolution to its input of `size`: what each place of the input gave to y. */
const transposedConv = (y: Tensor, w: Tensor, size: Pair, attrs: ConvAttrs): Tensor =>
  transposedConvOp([y, w], { ...attrs, size })[0]!

/**
 * The gradient of a convolution to its filters: x convolved with dy, where pictures take the place of channels, and strides and dilations that of
 * one another. Groups: x as [C/G, G N, H, W] has for each group the N pictures of its channels.
 */
function weightGradient(
  x: Tensor,
  dy: Tensor,
  [kh, kw]: Pair,
  { groups, strides, dilations, before, after }: ConvAttrs,
): Tensor {
  const [n, c, ...size] = x.shape as [Dim, number, number, number]
  const perGroup = c / groups
  const byGroup = transpose(reshape(x, [n, groups, perGroup, ...size]), [2, 1, 0, 3, 4])
  const pictures = reshape(byGroup, [perGroup, -1, ...size])
  const filters = transpose(dy, [1, 0, 2, 3])
  const dw = convOp([pictures, filters], { before, after, groups, strides: dilations, dilations: strides })[0]!
  return transpose(slice(slice(dw, 2, 0, kh), 3, 0, kw), [1, 0, 2, 3])
}

/** The last two sizes, which must be known while the graph is built. */
export function spatial({ shape }: Tensor): Pair {
  const [height, width] = shape.slice(-2)
  if (typeof height !== 'number' || typeof width !== 'number')
    throw new ShapeError(`Cannot go over ${show(shape)} by windows: its height and width must be numbers`)
  return [height, width]
}

/** How far `count` windows of `kernel` reach along an axis. */
const coverage = (count: number, kernel: number, axis: 0 | 1, { strides, dilations }: Window): number =>
  (count - 1) * strides[axis] + (kernel - 1) * dilations[axis] + 1

/** How many windows of `kernel` fit down and across; with `ceil` the last may reach beyond the edge. */
export function windowCounts(x: Tensor, kernel: Pair, window: Window, ceil = false): Pair {
  const count = (axis: 0 | 1): number => {
    const free = spatial(x)[axis] + window.before[axis] + window.after[axis] - coverage(1, kernel[axis], axis, window)
    if (free < 0)
      throw new ShapeError(`Cannot go over ${show(x.shape)} by windows of ${kernel.join(' x ')}: they do not fit`)
    return (ceil ? Math.ceil : Math.floor)(free / window.strides[axis]) + 1
  }
  return [count(0), count(1)]
}

/** The zeros, [down, across], that give one window for each stride, as TensorFlow's SAME has it: a window may begin wherever a stride does. */
export function samePadding(x: Tensor, kernel: Pair, window: Pick<Window, 'strides' | 'dilations'>): Pair {
  const zeros = (axis: 0 | 1): number => {
    const size = spatial(x)[axis]
    const count = Math.ceil(size / window.strides[axis])
    return Math.max((count - 1) * window.strides[axis] + (kernel[axis] - 1) * window.dilations[axis] + 1 - size, 0)
  }
  return [zeros(0), zeros(1)]
}

/** A window as ONNX names it. */
export const windowAttrs = ({ strides, dilations, before, after }: Window): NonNullable<EmitOptions['attrs']> => ({
  strides,
  dilations,
  pads: [...before, ...after],
})

const onnxAttrs = (attrs: ConvAttrs): NonNullable<EmitOptions['attrs']> => ({
  ...windowAttrs(attrs),
  group: attrs.groups,
})
