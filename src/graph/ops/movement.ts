// Operators that move or copy elements, and sum, the gradient of copying.
import { type DType, ONNX_TYPE } from '../dtype.ts'
import {
  type Dim,
  factors,
  frontAxis,
  isValidShape,
  product,
  quotient,
  type Shape,
  ShapeError,
  sameShape,
  show,
} from '../shape.ts'
import { constant, constantValues, defineOp, type Tensor } from '../tensor.ts'

const reshapeOp = defineOp<{ shape: Shape }>({
  name: 'reshape',
  infer([x], { shape }) {
    if (product(x!.shape) !== product(shape))
      throw new ShapeError(
        `Cannot reshape ${show(x!.shape)} to ${show(shape)}: ${product(x!.shape)} elements are not ${product(shape)}`,
      )
    return { shape, dtype: x!.dtype }
  },
  grad: ({ dy, inputs: [x] }) => [reshape(dy, x!.shape)],
  lower({ inputs: [x], attrs: { shape } }, emit, outputs) {
    const symbolic = shape.filter((dim) => typeof dim === 'string').length
    const target =
      symbolic <= 1 && !shape.includes(0)
        ? emit.ints(shape.map((dim) => (typeof dim === 'string' ? -1 : dim)))
        : emit.shape(shape)
    emit.node('Reshape', [emit.name(x!), target], { outputs })
  },
  fold: ([x]) => Array.from(x!),
})

/**
 * The same elements in another shape; one size may be -1 and is inferred. Throws ShapeError if the sizes do not fit.
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const at = shape.indexOf(-1)
  const others = shape.filter((_, i) => i !== at)
  if (!isValidShape(others))
    throw new ShapeError(`Cannot reshape ${show(x.shape)} to ${show(shape)}: sizes are whole numbers, one may be -1`)
  let target = shape
  if (at >= 0) {
    const rest = quotient(product(x.shape), product(others))
    if (rest === undefined)
      throw new ShapeError(`Cannot reshape ${show(x.shape)} to ${show(shape)}: the sizes do not divide`)
    target = shape.map((dim, i) => (i === at ? rest : dim))
  }
  if (sameShape(x.shape, target)) return x
  const inner = x.node.op.name === 'reshape' ? x.node.inputs[0]! : x
  return sameShape(inner.shape, target) ? inner : reshapeOp([inner], { shape: target })[0]!
}

const transposeOp = defineOp<{ perm: readonly number[] }>({
  name: 'transpose',
  infer([x], { perm }) {
    if (perm.length !== x!.shape.length || perm.toSorted((a, b) => a - b).some((axis, i) => axis !== i))
      throw new ShapeError(`Cannot transpose ${show(x!.shape)} by [${perm}]: expected each of its axes once`)
    return { shape: perm.map((axis) => x!.shape[axis]!), dtype: x!.dtype }
  },
  grad: ({ dy, attrs: { perm } }) => [
    transpose(
      dy,
      perm.map((_, axis) => perm.indexOf(axis)),
    ),
  ],
  lower: ({ inputs: [x], attrs: { perm } }, emit, outputs) =>
    void emit.node('Transpose', [emit.name(x!)], { attrs: { perm }, outputs }),
})

/** Permutes the axes: axis i of the result is axis `perm[i]` of x. */
export const transpose = (x: Tensor, perm: readonly number[]): Tensor =>
  perm.every((axis, i) => axis === i) && perm.length === x.shape.length ? x : transposeOp([x], { perm })[0]!

const expandOp = defineOp<{ shape: Shape }>({
  name: 'expand',
  infer([x], { shape }) {
    const offset = shape.length - x!.shape.length
    if (offset < 0 || x!.shape.some((dim, i) => dim !== 1 && dim !== shape[i + offset]))
      throw new ShapeError(`Cannot expand ${show(x!.shape)} to ${show(shape)}: only axes of size 1 can be repeated`)
    return { shape, dtype: x!.dtype }
  },
  grad: ({ dy, inputs: [x] }) => [sumTo(dy, x!.shape)],
  lower: ({ inputs: [x], attrs: { shape } }, emit, outputs) =>
    void emit.node('Expand', [emit.name(x!), emit.shape(shape)], { outputs }),
})

/** x broadcast to `shape`: repeated along its axes of size 1 and along new leading axes. */
export const expand = (x: Tensor, shape: Shape): Tensor =>
  sameShape(x.shape, shape) ? x : expandOp([x], { shape })[0]!

const sumOp = defineOp<{ axes: readonly number[] }>({
  name: 'sum',
  infer: ([x], { axes }) => ({ shape: x!.shape.map((dim, i) => (axes.includes(i) ? 1 : dim)), dtype: x!.dtype }),
  grad: ({ dy, inputs: [x] }) => [expand(dy, x!.shape)],
  lower: ({ inputs: [x], attrs: { axes } }, emit, outputs) =>
    void emit.node('ReduceSum', [emit.name(x!), emit.ints(axes)], { attrs: { keepdims: 1 }, outputs }),
})

/** The sum over `axes`, by default all; with `keep` they stay as axes of size 1. */
export function sum(x: Tensor, axes?: readonly number[], { keep = false } = {}): Tensor {
  const all = (axes ?? x.shape.map((_, i) => i)).map((axis) => frontAxis('sum', axis, x.shape))
  const kept = all.length === 0 ? x : sumOp([x], { axes: all })[0]!
  return keep
    ? kept
    : reshape(
        kept,
        x.shape.filter((_, i) => !all.includes(i)),
      )
}

/** Sums x to `shape`, over the axes that broadcasting repeated: the gradient of broadcasting `shape` to x's shape. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x
  const offset = x.shape.length - shape.length
  const axes = x.shape.flatMap((dim, i) => (i < offset || (shape[i - offset] === 1 && dim !== 1) ? [i] : []))
  return reshape(sum(x, axes, { keep: true }), shape)
}

const castOp = defineOp<{ to: DType }>({
  name: 'cast',
  infer: ([x], { to }) => ({ shape: x!.shape, dtype: to }),
  grad: ({ dy, inputs: [x] }) => [x!.dtype.startsWith('float') ? cast(dy, x!.dtype) : undefined],
  lower: ({ inputs: [x], attrs: { to } }, emit, outputs) =>
    void emit.node('Cast', [emit.name(x!)], { attrs: { to: ONNX_TYPE[to] }, outputs }),
})

/** x converted to another element type. */
export const cast = (x: Tensor, to: DType): Tensor => (x.dtype === to ? x : castOp([x], { to })[0]!)

/** A tensor of x's shape and type that is `value` everywhere. */
export const filled = (x: Tensor, value: number): Tensor => expand(constant(value, x.dtype), x.shape)
/** Zeros in the shape and type of x. */
export const zeros = (x: Tensor): Tensor => filled(x, 0)
/** Ones in the shape and type of x. */
export const ones = (x: Tensor): Tensor => filled(x, 1)

/** The tensor that a chain of expansions repeats; x itself if it is no expansion. */
export const unexpanded = (x: Tensor): Tensor => (x.node.op.name === 'expand' ? unexpanded(x.node.inputs[0]!) : x)

/** Whether x is known at build time to be `value` everywhere. */
export const isFilled = (x: Tensor, value: number): boolean => {
  const values = constantValues(unexpanded(x))
  return values?.every((v) => v === value) ?? false
}

/** The number of elements along `axes` as a scalar of x's type, computed at run time if the sizes are symbolic. */
export function count(x: Tensor, axes: readonly number[]): Tensor {
  const size: Dim = product(axes.map((axis) => x.shape[axis]!))
  const { factor, symbols } = factors(size)
  return symbols.length === 0 ? constant(factor, x.dtype) : sizeOp([x], { size, dtype: x.dtype })[0]!
}

const sizeOp = defineOp<{ size: Dim; dtype: DType }>({
  name: 'size',
  infer: (_, { dtype }) => ({ shape: [], dtype }),
  grad: () => [undefined],
  lower({ attrs: { size, dtype } }, emit, outputs) {
    const [scalar] = emit.node('Squeeze', [emit.shape([size])])
    emit.node('Cast', [scalar!], { attrs: { to: ONNX_TYPE[dtype] }, outputs })
  },
})
