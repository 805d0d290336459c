import { inputsOf, outputsOf } from '../../onnx/dataflow.ts'
import { AttributeProto_AttributeType as AttributeType, type NodeProto } from '../../onnx/pb.ts'

/** What an axis of a tensor counts. Tokens are the cells of a grid row by row, with other tokens before and after. */
export type Axis = 'images' | 'channels' | 'rows' | 'columns' | 'tokens'

/** The cells that the tokens of an axis are, and how many other tokens come before and after them. */
export interface Grid {
  readonly rows: number
  readonly columns: number
  /** tokens before the grid's, such as a class token and registers */
  readonly before: number
  /** tokens after the grid's */
  readonly after: number
}

/** What the axes of a tensor count; with tokens, their grid. */
export interface Layout {
  readonly axes: readonly Axis[]
  readonly grid?: Grid
}

/** `[images, channels, rows, columns]`, as most networks keep their maps. */
export const CHANNELS_FIRST: Layout = { axes: ['images', 'channels', 'rows', 'columns'] }
/** `[images, rows, columns, channels]`, as TensorFlow keeps its maps. */
export const CHANNELS_LAST: Layout = { axes: ['images', 'rows', 'columns', 'channels'] }

/** Shapes of tensors by name. */
export type Shapes = ReadonlyMap<string, readonly number[]>
/** The integers that a file stores under a name, if it does. */
export type StoredInts = (name: string) => readonly number[] | undefined

/** Operators on `[images, channels, rows, columns]`, whatever made their input. */
const ON_MAPS = new Set([
  ...['Conv', 'ConvTranspose', 'ConvInteger', 'QLinearConv', 'MaxPool', 'AveragePool', 'LpPool', 'BatchNormalization'],
  ...['GlobalAveragePool', 'GlobalMaxPool', 'DepthToSpace', 'SpaceToDepth', 'LRN', 'FusedConv', 'QLinearAveragePool'],
])
/** Operators that may change the number of rows and columns. */
const CHANGES_SIZE = new Set(['Slice', 'Concat', 'Pad', 'Resize', 'Upsample', 'Split', 'NhwcConv', 'NhwcMaxPool'])
/** Operators that keep the order of the elements. */
const RESHAPES = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze'])

/**
 * Follows the axes of the images through a network: which tensors are maps or tokens, and of which grid. Nodes are in
 * order; tensors whose axes are not known are left out.
 */
export function layoutsFrom(
  image: string,
  layout: Layout,
  {
    nodes,
    data,
    shapes,
    ints,
  }: { nodes: readonly NodeProto[]; data: ReadonlySet<string>; shapes: Shapes; ints: StoredInts },
): Map<string, Layout> {
  const layouts = new Map([[image, layout]])
  for (const node of nodes) {
    let offset = 0
    const [read] = node.input
    if (ON_MAPS.has(node.opType) && read && !layouts.has(read) && data.has(read) && shapes.get(read)?.length === 4)
      layouts.set(read, CHANNELS_FIRST)
    for (const name of outputsOf(node)) {
      const shape = shapes.get(name)
      if (!shape || !data.has(name)) continue
      const found = layoutOf(node, shape, { layouts, shapes, ints, offset })
      if (found) layouts.set(name, found)
      if (node.opType === 'Split') offset += shape.at(int(node, 'axis', 0)) ?? 0
    }
  }
  return layouts
}

interface Known {
  readonly layouts: ReadonlyMap<string, Layout>
  readonly shapes: Shapes
  readonly ints: StoredInts
  /** where an output of Split starts on its axis */
  readonly offset: number
}

/** The layout of a node's output of `shape`. */
function layoutOf(node: NodeProto, shape: readonly number[], known: Known): Layout | undefined {
  const { layouts, shapes } = known
  const type = node.opType
  if (ON_MAPS.has(type) && shape.length === 4) return CHANNELS_FIRST
  const inputs = inputsOf(node).flatMap((name) => {
    const layout = layouts.get(name)
    const size = shapes.get(name)
    return layout && size ? [{ name, layout, size }] : []
  })
  const [first] = inputs
  if (!first) return undefined
  if (type === 'Transpose') return transposed(first.layout, intsOf(node, 'perm'))
  if (RESHAPES.has(type)) return reshaped(first.layout, first.size, shape)
  const same = inputs.find(({ size }) => equal(size, shape))
  if (same) return same.layout
  const mayChange: readonly Axis[] = CHANGES_SIZE.has(type) ? ['channels', 'rows', 'columns', 'tokens'] : ['channels']
  const like = inputs.find(
    ({ layout, size }) =>
      size.length === shape.length && size.every((n, i) => n === shape[i] || mayChange.includes(layout.axes[i]!)),
  )
  if (!like) return undefined
  const axis = like.layout.axes.indexOf('tokens')
  if (axis < 0 || like.size[axis] === shape[axis]) return like.layout
  if (inputs.length > 1) return undefined // tokens of several grids
  const change =
    type === 'Concat' ? around(node, like.name, axis, shape, known) : within(node, axis, like.size, shape, known)
  return change && withTokens(like.layout, change.before, change.after)
}

const equal = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, i) => size === b[i])

function transposed(layout: Layout, perm: readonly number[]): Layout | undefined {
  const order = perm.length > 0 ? perm : layout.axes.map((_, i) => i).reverse()
  const axes = order.map((axis) => layout.axes[axis]!)
  return axes.length === layout.axes.length && axes.every(Boolean) ? { ...layout, axes } : undefined
}

/** A layout with tokens added before and after its own, or with tokens removed where the number is negative. */
function withTokens(layout: Layout, before: number, after: number): Layout | undefined {
  const grid = layout.grid!
  const changed = { ...grid, before: grid.before + before, after: grid.after + after }
  return changed.before < 0 || changed.after < 0 ? undefined : { ...layout, grid: changed }
}

/** The number of tokens that Concat adds before and after those of `name`. */
function around(
  { input }: NodeProto,
  name: string,
  axis: number,
  shape: readonly number[],
  { shapes }: Known,
): { before: number; after: number } | undefined {
  const at = input.indexOf(name)
  const added = shape[axis]! - shapes.get(name)![axis]!
  if (at === input.length - 1) return { before: added, after: 0 }
  if (at === 0) return { before: 0, after: added }
  const sizes = input.slice(0, at).map((each) => shapes.get(each)?.[axis])
  if (!sizes.every((size) => size !== undefined)) return undefined
  const before = sizes.reduce((sum, size) => sum + size, 0)
  return { before, after: added - before }
}

/** The number of tokens, negative, that Slice or Split removes before and after those it keeps. */
function within(
  node: NodeProto,
  axis: number,
  size: readonly number[],
  shape: readonly number[],
  { ints, offset }: Known,
): { before: number; after: number } | undefined {
  const removed = size[axis]! - shape[axis]!
  if (removed < 0) return undefined
  if (node.opType === 'Split') return { before: -offset, after: offset - removed }
  if (node.opType !== 'Slice') return undefined
  const starts = node.input.length > 1 ? ints(node.input[1]!) : intsOf(node, 'starts')
  if (starts?.length !== 1) return { before: -removed, after: 0 } // computed: nearly always a class token left out
  const start = starts[0]! < 0 ? starts[0]! + size[axis]! : starts[0]!
  return { before: -start, after: start - removed }
}

/**
 * The layout after a reshape: axes of the old shape are matched with those of the new one that hold as many elements.
 */
function reshaped(layout: Layout, from: readonly number[], to: readonly number[]): Layout | undefined {
  const axes: Axis[] = []
  let { grid } = layout
  let [i, j] = [0, 0]
  while (i < from.length || j < to.length) {
    const [start, first] = [i, j]
    let [a, b] = [from[i++] ?? 1, to[j++] ?? 1]
    while (a !== b) {
      if (a < b && i < from.length) a *= from[i++]!
      else if (b < a && j < to.length) b *= to[j++]!
      else return undefined
    }
    const old = layout.axes.slice(start, i)
    const sizes = to.slice(first, j)
    if (sizes.length === old.length && sizes.length === 1) axes.push(old[0]!)
    else if (old.every((axis) => axis === 'channels')) axes.push(...sizes.map(() => 'channels' as const))
    else if (old.join() === 'rows,columns' && sizes.length === 1) {
      axes.push('tokens')
      grid = { rows: from[start]!, columns: from[start + 1]!, before: 0, after: 0 }
    } else if (old.join() === 'tokens' && grid && equal(sizes, [grid.rows, grid.columns])) axes.push('rows', 'columns')
    else return undefined
  }
  return axes.includes('tokens') ? { axes, grid: grid! } : { axes }
}

const attribute = ({ attribute }: NodeProto, name: string) => attribute.find((each) => each.name === name)

const intsOf = (node: NodeProto, name: string): number[] => attribute(node, name)?.ints.map(Number) ?? []

function int(node: NodeProto, name: string, fallback: number): number {
  const found = attribute(node, name)
  return found && (found.type === AttributeType.INT || found.type === AttributeType.UNDEFINED)
    ? Number(found.i)
    : fallback
}
