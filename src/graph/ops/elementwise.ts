// Elementwise operators. unary() and binary() build one from its name, ONNX operator, value and gradient.
import type { DType } from '../dtype.ts'
import { broadcast, broadcastShape, type Shape, ShapeError, sameShape } from '../shape.ts'
import { constant, defineOp, type Tensor } from '../tensor.ts'
import { expand, filled, isFilled, sumTo, unexpanded } from './movement.ts'

type Value1 = (x: number) => number
type Value2 = (x: number, y: number) => number
type Operand = Tensor | number

function unary(
  name: string,
  onnx: string,
  value: Value1,
  grad?: (dy: Tensor, y: Tensor, x: Tensor) => Tensor | undefined,
) {
  const op = defineOp<Record<string, never>>({
    name,
    infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
    ...(grad && { grad: ({ dy, y, inputs: [x] }) => [grad(dy, y, x!)] }),
    lower: ({ inputs: [x] }, emit, outputs) => void emit.node(onnx, [emit.name(x!)], { outputs }),
    fold: ([x]) => Array.from(x!, value),
  })
  return (x: Tensor): Tensor => op([x], {})[0]!
}

interface BinaryOptions {
  readonly value?: Value2
  readonly grad?: (dy: Tensor, y: Tensor, a: Tensor, b: Tensor) => readonly (Tensor | undefined)[]
  /** the type of the result, by default that of the operands */
  readonly dtype?: DType
  /** the types of operands that it accepts, by default any */
  readonly types?: readonly DType[]
  readonly attrs?: Readonly<Record<string, string>>
  /** the result if one operand makes the operation redundant, as in x + 0 */
  readonly identity?: (a: Tensor, b: Tensor) => Tensor | undefined
}

function binary(name: string, onnx: string, options: BinaryOptions) {
  const { value, grad, dtype, attrs, identity, types } = options
  const op = defineOp<Record<string, never>>({
    name,
    infer([a, b]) {
      if (a!.dtype !== b!.dtype) throw new ShapeError(`Cannot ${name} ${a!.dtype} and ${b!.dtype}: cast one of them`)
      if (types && !types.includes(a!.dtype))
        throw new ShapeError(`Cannot ${name} ${a!.dtype}: it works on ${types.join(', ')}`)
      return { shape: broadcast(name, a!.shape, b!.shape), dtype: dtype ?? a!.dtype }
    },
    ...(grad && {
      grad: ({ dy, y, inputs: [a, b] }) => {
        const [da, db] = grad(dy, y, a!, b!)
        return [da && sumTo(da, a!.shape), db && sumTo(db, b!.shape)]
      },
    }),
    lower: ({ inputs: [a, b] }, emit, outputs) =>
      void emit.node(onnx, [emit.name(a!), emit.name(b!)], { outputs, ...(attrs && { attrs }) }),
    ...(value && {
      fold: ([a, b]) => {
        if (a!.length !== b!.length && a!.length !== 1 && b!.length !== 1) return undefined
        const length = Math.max(a!.length, b!.length)
        return Array.from({ length }, (_, i) =>
          Number(value(a![a!.length === 1 ? 0 : i]!, b![b!.length === 1 ? 0 : i]!)),
        )
      },
    }),
  })
  return (a: Operand, b: Operand): Tensor => {
    const [x, y] = operands(a, b)
    const shape = broadcastShape(x.shape, y.shape)
    if (!shape) return op([x, y], {})[0]! // throws an error that names both shapes
    const result = identity?.(x, y)
    return result ? expand(result, shape) : op(withoutExpansion(x, y, shape), {})[0]!
  }
}

/** Both operands as tensors; a number takes the other operand's type. */
function operands(a: Operand, b: Operand): [Tensor, Tensor] {
  if (typeof a !== 'number') return [a, typeof b === 'number' ? constant(b, a.dtype) : b]
  if (typeof b !== 'number') return [constant(a, b.dtype), b]
  return [constant(a), constant(b)]
}

/** The operands without an expansion that broadcasting to `shape` makes redundant: nothing is copied. */
function withoutExpansion(a: Tensor, b: Tensor, shape: Shape): [Tensor, Tensor] {
  const fits = (x: Tensor, y: Tensor): boolean => {
    const both = broadcastShape(x.shape, y.shape)
    return both !== undefined && sameShape(both, shape)
  }
  const [smallA, smallB] = [unexpanded(a), unexpanded(b)]
  const left = fits(smallA, b) ? smallA : a
  return [left, fits(left, smallB) ? smallB : b]
}

const FLOATS_AND_INTS: readonly DType[] = ['float32', 'float64', 'float16', 'int32', 'int64']
const BITS: readonly DType[] = ['int32', 'uint32']

/** a + b, broadcast; floats and signed integers. */
export const add = binary('add', 'Add', {
  value: (x, y) => x + y,
  grad: (dy) => [dy, dy],
  types: FLOATS_AND_INTS,
  identity: (a, b) => (isFilled(a, 0) ? b : isFilled(b, 0) ? a : undefined),
})

/** a - b, broadcast; floats and signed integers. */
export const sub = binary('subtract', 'Sub', {
  value: (x, y) => x - y,
  grad: (dy) => [dy, neg(dy)],
  types: FLOATS_AND_INTS,
  identity: (a, b) => (isFilled(b, 0) ? a : undefined),
})

/** a * b elementwise, broadcast; floats and signed integers. */
export const mul = binary('multiply', 'Mul', {
  value: (x, y) => x * y,
  grad: (dy, _, a, b) => [mul(dy, b), mul(dy, a)],
  types: FLOATS_AND_INTS,
  identity: (a, b) =>
    isFilled(a, 1) ? b : isFilled(b, 1) ? a : isFilled(a, 0) ? filled(a, 0) : isFilled(b, 0) ? filled(b, 0) : undefined,
})

/** a / b, broadcast; integer division truncates. */
export const div = binary('divide', 'Div', {
  value: (x, y) => x / y,
  grad: (dy, y, _, b) => [div(dy, b), neg(div(mul(dy, y), b))],
  identity: (a, b) => (isFilled(b, 1) ? a : undefined),
})

/** a > b as bool, broadcast. */
export const greater = binary('greater', 'Greater', { value: (x, y) => Number(x > y), dtype: 'bool' })

/** a < b as bool, broadcast. */
export const less = binary('less', 'Less', { value: (x, y) => Number(x < y), dtype: 'bool' })

/** a = b as bool, broadcast. */
export const equal = binary('equal', 'Equal', { value: (x, y) => Number(x === y), dtype: 'bool' })

/** Bitwise exclusive or of int32 or uint32, broadcast. */
export const bitXor = binary('xor', 'BitwiseXor', { types: BITS })

/** uint32 a shifted right by b bits, broadcast. */
export const shiftRight = binary('shift right', 'BitShift', { types: ['uint32'], attrs: { direction: 'RIGHT' } })

/** -x. */
export const neg = unary(
  'negate',
  'Neg',
  (x) => -x,
  (dy) => neg(dy),
)

/** eˣ. */
export const exp = unary('exp', 'Exp', Math.exp, (dy, y) => mul(dy, y))

/** The natural logarithm of x. */
export const log = unary('log', 'Log', Math.log, (dy, _, x) => div(dy, x))

/** The square root of x. */
export const sqrt = unary('sqrt', 'Sqrt', Math.sqrt, (dy, y) => div(dy, mul(y, 2)))

/** The sine of x. */
export const sin = unary('sin', 'Sin', Math.sin, (dy, _, x) => mul(dy, sin(add(x, Math.PI / 2))))

/** The hyperbolic tangent of x. */
export const tanh = unary('tanh', 'Tanh', Math.tanh, (dy, y) => mul(dy, sub(1, mul(y, y))))

/** 1 / (1 + e⁻ˣ). */
export const sigmoid = unary(
  'sigmoid',
  'Sigmoid',
  (x) => 1 / (1 + Math.exp(-x)),
  (dy, y) => mul(dy, mul(y, sub(1, y))),
)

/** max(x, 0). */
export const relu = unary(
  'relu',
  'Relu',
  (x) => Math.max(x, 0),
  (dy, y) => where(greater(y, 0), dy, 0),
)

/** log(1 + eˣ). */
export const softplus = unary(
  'softplus',
  'Softplus',
  (x) => Math.log1p(Math.exp(x)),
  (dy, _, x) => mul(dy, sigmoid(x)),
)

const whereOp = defineOp<Record<string, never>>({
  name: 'where',
  infer([condition, a, b]) {
    if (condition!.dtype !== 'bool' || a!.dtype !== b!.dtype)
      throw new ShapeError(
        `Cannot choose by ${condition!.dtype} between ${a!.dtype} and ${b!.dtype}: expected a bool and two of one type`,
      )
    return { shape: broadcast('where', broadcast('where', condition!.shape, a!.shape), b!.shape), dtype: a!.dtype }
  },
  grad: ({ dy, inputs: [condition, a, b] }) => [
    undefined,
    sumTo(where(condition!, dy, 0), a!.shape),
    sumTo(where(condition!, 0, dy), b!.shape),
  ],
  lower: ({ inputs }, emit, outputs) => void emit.node('Where', inputs.map(emit.name), { outputs }),
})

/** `a` where the bool `condition` is true, `b` elsewhere; all three broadcast. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  const [x, y] = operands(a, b)
  return whereOp([condition, x, y], {})[0]!
}

const clipOp = defineOp<{ min: number; max: number }>({
  name: 'clip',
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  grad: ({ dy, inputs: [x], attrs: { min, max } }) => [where(greater(x!, max), 0, where(less(x!, min), 0, dy))],
  lower: ({ inputs: [x], attrs: { min, max } }, emit, outputs) =>
    void emit.node('Clip', [emit.name(x!), emit.constant([min], x!.dtype, []), emit.constant([max], x!.dtype, [])], {
      outputs,
    }),
})

/** x limited to the range from `min` to `max`. */
export const clip = (x: Tensor, min: number, max: number): Tensor => clipOp([x], { min, max })[0]!
