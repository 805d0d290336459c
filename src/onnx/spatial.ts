// The import rules of operators on images `[N, C, H, W]`.
import { conv, expand, maxPool, reshape, samePadding, slice, type Tensor, type Window } from '../graph/index.ts'
import type { OnnxNode } from './node.ts'

type Pair = readonly [number, number]

/** Conv over two axes. */
export function convRule(node: OnnxNode): Tensor {
  const [x, w] = [node.input(0), node.input(1)]
  const window = windowOf(node, x, w.shape.slice(2))
  return conv(x, w, node.optional(2), { ...window, groups: node.int('group', 1) })
}

/** MaxPool over two axes. */
export function maxPoolRule(node: OnnxNode): Tensor {
  const x = node.input(0)
  const kernel = node.sizes('kernel_shape', 2, 1) as unknown as Pair
  const window = windowOf(node, x, kernel)
  if ([...window.before, ...window.after].some((zeros, i) => zeros >= kernel[i % 2]!))
    node.unsupported(`with windows of ${kernel.join(' x ')} inside its padding`)
  return maxPool(x, { ...window, kernel, ceil: node.int('ceil_mode', 0) !== 0 })
}

/** The window of a node; `auto_pad` becomes explicit padding for the size of x. */
function windowOf(node: OnnxNode, x: Tensor, kernel: readonly (number | string)[]): Window {
  if (x.shape.length !== 4 || kernel.length !== 2)
    node.unsupported(`on ${x.shape.length} axes with windows of ${kernel.length}`)
  const strides = node.sizes('strides', 2, 1, [1, 1]) as unknown as Pair
  const dilations = node.sizes('dilations', 2, 1, [1, 1]) as unknown as Pair
  const auto = node.string('auto_pad', 'NOTSET')
  if (auto === 'VALID') return { strides, dilations, before: [0, 0], after: [0, 0] }
  if (auto === 'NOTSET') {
    const [top, left, bottom, right] = node.sizes('pads', 4, 0, [0, 0, 0, 0])
    return { strides, dilations, before: [top!, left!], after: [bottom!, right!] }
  }
  if (auto !== 'SAME_UPPER' && auto !== 'SAME_LOWER') node.unsupported(`with the padding "${auto}"`)
  const total = samePadding(x, kernel as Pair, { strides, dilations })
  const less = total.map((zeros) => Math.floor(zeros / 2)) as unknown as Pair
  const more = total.map((zeros) => Math.ceil(zeros / 2)) as unknown as Pair
  return auto === 'SAME_UPPER'
    ? { strides, dilations, before: less, after: more }
    : { strides, dilations, before: more, after: less }
}

/** Resize that repeats each element a whole number of times, as networks that join maps of two sizes do. */
export function resizeRule(node: OnnxNode): Tensor {
  const x = node.input(0)
  const [n, c, height, width] = x.shape
  if (x.shape.length !== 4 || typeof height !== 'number' || typeof width !== 'number')
    return node.unsupported(`of ${x.shape.length} axes or of sizes known at run time only`)
  const scales = scalesOf(node, [height, width])
  const mode = node.string('mode', 'nearest')
  const whole = scales.length === 4 && scales.every((scale) => Number.isSafeInteger(scale) && scale >= 1)
  if (mode !== 'nearest' || !whole || scales[0] !== 1 || scales[1] !== 1 || !repeatsEqually(node))
    return node.unsupported(`by [${scales.join(', ')}] (${mode})`)
  const [, , down, across] = scales as [number, number, number, number]
  const spread = expand(reshape(x, [n!, c!, height, 1, width, 1]), [n!, c!, height, down, width, across])
  return reshape(spread, [n!, c!, height * down, width * across])
}

/** Whether the rounding of coordinates takes every element equally often, for every whole scale. */
function repeatsEqually(node: OnnxNode): boolean {
  if (node.opset < 11) return true
  const nearest = node.string('nearest_mode', 'round_prefer_floor')
  const transformation = node.string('coordinate_transformation_mode', 'half_pixel')
  return transformation === 'asymmetric'
    ? nearest === 'floor'
    : transformation.endsWith('half_pixel') && nearest.startsWith('round')
}

/** The scale of each axis: given, or from the sizes that are given instead. */
function scalesOf(node: OnnxNode, size: Pair): number[] {
  const index = node.opset < 11 ? 1 : 2
  const scales = node.has(index) ? node.numbers(index) : []
  return scales.length > 0
    ? scales
    : node.numbers(3).map((to, axis) => (axis < 2 ? 1 : to / (size[axis - 2] ?? Number.NaN)))
}

/** Slice along any axes, with steps that divide evenly. */
export function sliceRule(node: OnnxNode): Tensor {
  const x = node.input(0)
  const starts = node.listed('starts', 1) ?? []
  const ends = node.listed('ends', 2) ?? []
  const axes = node.axes(node.listed('axes', 3) ?? [...starts.keys()], x.shape)
  const steps = node.has(4) ? node.numbers(4) : starts.map(() => 1)
  if ([ends, axes, steps].some((list) => list.length !== starts.length))
    node.unsupported('with lists of different lengths')
  return axes.reduce((part, axis, i) => sliceAxis(node, part, axis, [starts[i]!, ends[i]!, steps[i]!]), x)
}

/** With a step, cuts the axis into rows of `step` elements and takes one of each. */
function sliceAxis(node: OnnxNode, x: Tensor, axis: number, [start, end, step]: [number, number, number]): Tensor {
  const size = x.shape[axis]
  if (typeof size !== 'number') return node.unsupported('along an axis of a size known at run time only')
  if (!(step >= 1)) node.unsupported(`with a step of ${step}`)
  const place = (at: number): number => Math.min(Math.max(at < 0 ? at + size : at, 0), size)
  const [from, to] = [place(start), place(end)]
  if (step === 1) return slice(x, axis, from, to)
  const rows = Math.ceil((to - from) / step)
  const begin = from - (from % step)
  if (begin + rows * step > size) node.unsupported(`with a step of ${step} that leaves a rest`)
  const block = slice(x, axis, begin, begin + rows * step)
  const split = reshape(block, [...x.shape.slice(0, axis), rows, step, ...x.shape.slice(axis + 1)])
  return reshape(slice(split, axis + 1, from % step, (from % step) + 1), x.shape.with(axis, rows))
}
