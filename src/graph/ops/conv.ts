// Convolution over the last two axes: N images of C channels and H x W, O filters of kh x kw, G groups to
// [N, O, oh, ow].
import { type Dim, product, quotient, ShapeError, show } from '../shape.ts'
import { defineOp, type EmitOptions, type Tensor } from '../tensor.ts'
import { matmul } from './matmul.ts'
import { reshape, sum, transpose } from './movement.ts'
import { slice } from './slicing.ts'

type Pair = readonly [number, number]

/** How a window moves over an image, each as [down, across]. */
export interface Window {
  readonly strides: Pair
  readonly dilations: Pair
  /** rows and columns of zeros added above and to the left */
  readonly before: Pair
  /** rows and columns of zeros added below and to the right */
  readonly after: Pair
}

interface ConvAttrs extends Window {
  readonly groups: number
}

/** Options of conv(), by default one step at a time, no dilation, no padding, one group. */
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
          'expected [N, C, H, W], [O, C / groups, kh, kw] and [O]',
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

/**
 * Convolution of x `[N, C, H, W]` with filters `w` `[O, C/G, kh, kw]`, plus `bias` `[O]` if given → `[N, O, oh, ow]`
 * (Dumoulin and Visin, arXiv:1603.07285).
 */
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

/** The gradient of a convolution with respect to its input of `size`. */
const transposedConv = (y: Tensor, w: Tensor, size: Pair, attrs: ConvAttrs): Tensor =>
  transposedConvOp([y, w], { ...attrs, size })[0]!

/**
 * The gradient of a convolution of single pixels with respect to its filters: a product of matrices for each image,
 * several times as fast as a convolution with filters of the image's size.
 */
function pixelGradient(x: Tensor, dy: Tensor): Tensor {
  const [n, c, height, width] = x.shape as [Dim, number, number, number]
  const o = dy.shape[1] as number
  const pixels = height * width
  const products = matmul(reshape(dy, [n, o, pixels]), reshape(x, [n, c, pixels]), { transB: true })
  return reshape(sum(products, [0]), [o, c, 1, 1])
}

/**
 * The gradient of a convolution with respect to its filters: x convolved with dy, with images and channels swapped, and
 * strides and dilations swapped. Groups: x as [C/G, G N, H, W] has for each group the N images of its channels.
 */
function weightGradient(
  x: Tensor,
  dy: Tensor,
  [kh, kw]: Pair,
  { groups, strides, dilations, before, after }: ConvAttrs,
): Tensor {
  const [n, c, ...size] = x.shape as [Dim, number, number, number]
  const single = kh === 1 && kw === 1 && groups === 1
  if (single && [...strides, ...before, ...after].join() === '1,1,0,0,0,0') return pixelGradient(x, dy)
  const perGroup = c / groups
  const byGroup = transpose(reshape(x, [n, groups, perGroup, ...size]), [2, 1, 0, 3, 4])
  const images = reshape(byGroup, [perGroup, -1, ...size])
  const filters = transpose(dy, [1, 0, 2, 3])
  const dw = convOp([images, filters], { before, after, groups, strides: dilations, dilations: strides })[0]!
  return transpose(slice(slice(dw, 2, 0, kh), 3, 0, kw), [1, 0, 2, 3])
}

/** The height and width of x. Throws ShapeError if they are symbolic. */
export function spatial({ shape }: Tensor): Pair {
  const [height, width] = shape.slice(-2)
  if (typeof height !== 'number' || typeof width !== 'number')
    throw new ShapeError(`Cannot move windows over ${show(shape)}: its height and width must be numbers`)
  return [height, width]
}

/** The number of elements that `count` windows of `kernel` cover along an axis. */
const coverage = (count: number, kernel: number, axis: 0 | 1, { strides, dilations }: Window): number =>
  (count - 1) * strides[axis] + (kernel - 1) * dilations[axis] + 1

/**
 * The number of windows of `kernel` down and across; with `ceil` the last may reach beyond the edge. Throws ShapeError
 * if none fits.
 */
export function windowCounts(x: Tensor, kernel: Pair, window: Window, ceil = false): Pair {
  const count = (axis: 0 | 1): number => {
    const free = spatial(x)[axis] + window.before[axis] + window.after[axis] - coverage(1, kernel[axis], axis, window)
    if (free < 0)
      throw new ShapeError(`Cannot move windows of ${kernel.join(' x ')} over ${show(x.shape)}: they do not fit`)
    const windows = (ceil ? Math.ceil : Math.floor)(free / window.strides[axis]) + 1
    // ONNX and PyTorch drop a last window that begins behind the image
    const last = (windows - 1) * window.strides[axis]
    return ceil && last >= spatial(x)[axis] + window.before[axis] ? windows - 1 : windows
  }
  return [count(0), count(1)]
}

/** The total padding, [down, across], of TensorFlow's SAME: the output has ⌈size / stride⌉ windows. */
export function samePadding(x: Tensor, kernel: Pair, window: Pick<Window, 'strides' | 'dilations'>): Pair {
  const zeros = (axis: 0 | 1): number => {
    const size = spatial(x)[axis]
    const count = Math.ceil(size / window.strides[axis])
    return Math.max((count - 1) * window.strides[axis] + (kernel[axis] - 1) * window.dilations[axis] + 1 - size, 0)
  }
  return [zeros(0), zeros(1)]
}

/** The ONNX attributes of a window. */
export const windowAttrs = ({ strides, dilations, before, after }: Window): NonNullable<EmitOptions['attrs']> => ({
  strides,
  dilations,
  pads: [...before, ...after],
})

const onnxAttrs = (attrs: ConvAttrs): NonNullable<EmitOptions['attrs']> => ({
  ...windowAttrs(attrs),
  group: attrs.groups,
})
