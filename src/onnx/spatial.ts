import { conv, expand, maxPool, reshape, samePadding, slice, type Window } from '../graph/ops/index.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { OnnxNode } from './node.ts'

/** The rules of import for operators that go over height and width. */

type Pair = readonly [number, number]

export function convRule(node: OnnxNode): Tensor {
  const [x, w] = [node.input(0), node.input(1)]
  const window = windowOf(node, x, w.shape.slice(2) as unknown as Pair)
  return conv(x, w, node.optional(2), { ...window, groups: node.int('group', 1) })
}

export function maxPoolRule(node: OnnxNode): Tensor {
  const x = node.input(0)
  const kernel = node.ints('kernel_shape', []) as unknown as Pair
  return maxPool(x, { ...windowOf(node, x, kernel), kernel, ceil: node.int('ceil_mode', 0) === 1 })
}

/** The window of a node; `auto_pad` becomes zeros before and after, as many as the sizes at hand need. */
function windowOf(node: OnnxNode, x: Tensor, kernel: Pair): Window {
  if (x.shape.length !== 4) node.unsupported(`over ${x.shape.length - 2} axes`)
  const strides = node.ints('strides', [1, 1]) as unknown as Pair
  const dilations = node.ints('dilations', [1, 1]) as unknown as Pair
  const [top, left, bottom, right] = node.ints('pads', [0, 0, 0, 0]) as [number, number, number, number]
  const auto = node.string('auto_pad', 'NOTSET')
  if (auto === 'NOTSET') return { strides, dilations, before: [top, left], after: [bottom, right] }
  if (auto === 'VALID') return { strides, dilations, before: [0, 0], after: [0, 0] }
  const missing = samePadding(x, kernel, { strides, dilations })
  const less = missing.map((zeros) => Math.floor(zeros / 2)) as unknown as Pair
  const more = missing.map((zeros) => Math.ceil(zeros / 2)) as unknown as Pair
  return auto === 'SAME_UPPER'
    ? { strides, dilations, before: less, after: more }
    : { strides, dilations, before: more, after: less }
}

/** Each cell repeated a whole number of times: what networks that join maps of two sizes need. */
export function resizeRule(node: OnnxNode): Tensor {
  const x = node.input(0)
  const [, , down, across] = scalesOf(node, x)
  const mode = node.string('mode', 'nearest')
  if (mode !== 'nearest' || !Number.isInteger(down) || !Number.isInteger(across) || !repeatsEqually(node))
    node.unsupported(`of ${down} x ${across} (${mode})`)
  const [n, c, height, width] = x.shape as [number, number, number, number]
  const spread = expand(reshape(x, [n, c, height, 1, width, 1]), [n, c, height, down!, width, across!])
  return reshape(spread, [n, c, height * down!, width * across!])
}

/** Does the node's choice of the nearest cell take each cell equally often, whatever the whole number? */
function repeatsEqually(node: OnnxNode): boolean {
  if (node.opset < 11) return true
  const nearest = node.string('nearest_mode', 'round_prefer_floor')
  const transformation = node.string('coordinate_transformation_mode', 'half_pixel')
  return transformation === 'asymmetric'
    ? nearest === 'floor'
    : transformation.endsWith('half_pixel') && nearest.startsWith('round')
}

function scalesOf(node: OnnxNode, x: Tensor): readonly number[] {
  const scales = node.has(node.opset < 11 ? 1 : 2) ? node.numbers(node.opset < 11 ? 1 : 2) : []
  return scales.length > 0
    ? scales
    : node.numbers(3).map((size, axis) => (axis < 2 ? 1 : size / (x.shape[axis] as number)))
}

/** Slices with steps: the axis is cut in rows of `step`, of which one is taken. */
export function sliceRule(node: OnnxNode): Tensor {
  const starts = node.listed('starts', 1) ?? []
  const ends = node.listed('ends', 2) ?? []
  const axes = node.listed('axes', 3) ?? starts.map((_, axis) => axis)
  const steps = node.has(4) ? node.numbers(4) : starts.map(() => 1)
  return axes.reduce(
    (x, axis, i) => sliceAxis(node, x, axis < 0 ? axis + x.shape.length : axis, [starts[i]!, ends[i]!, steps[i]!]),
    node.input(0),
  )
}

function sliceAxis(node: OnnxNode, x: Tensor, axis: number, [start, end, step]: [number, number, number]): Tensor {
  const size = x.shape[axis]
  if (typeof size !== 'number') return node.unsupported('along an axis whose size is not known')
  if (step < 1) node.unsupported(`with a step of ${step}`)
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
