import { broadcast, ShapeError, sameShape } from '../shape.ts'
import { constant, type DType, defineOp, type Tensor } from '../tensor.ts'
import { expand, filled, isFilled, sumTo, unexpanded } from './movement.ts'

/** Operators that act on each element by itself. A family is a table: name, ONNX operator, gradient, value. */

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
  /** the result's type, where it is not the operands' */
  readonly dtype?: DType
  readonly types?: readonly DType[]
  readonly attrs?: Readonly<Record<string, string>>
  /** the result where an operand makes the operator needless */
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
    const shape = sameShape(x.shape, y.shape) ? x.shape : undefined
    const short = identity?.(x, y)
    if (short && (shape ?? broadcastOf(x, y))) return expand(short, shape ?? broadcast(name, x.shape, y.shape))
    const [p, q] = withoutExpansion(x, y)
    return op([p, q], {})[0]!
  }
}

/** A number beside a tensor takes the tensor's type. */
function operands(a: Operand, b: Operand): [Tensor, Tensor] {
  if (typeof a !== 'number') return [a, typeof b === 'number' ? constant(b, a.dtype) : b]
  if (typeof b !== 'number') return [constant(a, b.dtype), b]
  return [constant(a), constant(b)]
}

function broadcastOf(a: Tensor, b: Tensor): boolean {
  try {
    return broadcast('broadcast', a.shape, b.shape).length >= 0
  } catch {
    return false // the operator's own check says what is wrong
  }
}

/** Drops an expansion that broadcasting makes needless: nothing is copied. */
function withoutExpansion(a: Tensor, b: Tensor): [Tensor, Tensor] {
  if (!broadcastOf(a, b)) return [a, b]
  const full = broadcast('broadcast', a.shape, b.shape)
  const fits = (x: Tensor, y: Tensor): boolean =>
    broadcastOf(x, y) && sameShape(broadcast('broadcast', x.shape, y.shape), full)
  const [shortA, shortB] = [unexpanded(a), unexpanded(b)]
  const left = fits(shortA, b) ? shortA : a
  return [left, fits(left, shortB) ? shortB : b]
}

const FLOATS_AND_INTS: readonly DType[] = ['float32', 'float64', 'float16', 'int32', 'int64']
const BITS: readonly DType[] = ['int32', 'uint32']

export const add = binary('add', 'Add', {
  value: (x, y) => x + y,
  grad: (dy) => [dy, dy],
  types: FLOATS_AND_INTS,
  identity: (a, b) => (isFilled(a, 0) ? b : isFilled(b, 0) ? a : undefined),
})
export const sub = binary('subtract', 'Sub', {
  value: (x, y) => x - y,
  grad: (dy) => [dy, neg(dy)],
  types: FLOATS_AND_INTS,
  identity: (a, b) => (isFilled(b, 0) ? a : undefined),
})
export const mul = binary('multiply', 'Mul', {
  value: (x, y) => x * y,
  grad: (dy, _, a, b) => [mul(dy, b), mul(dy, a)],
  types: FLOATS_AND_INTS,
  identity: (a, b) =>
    isFilled(a, 1) ? b : isFilled(b, 1) ? a : isFilled(a, 0) ? filled(a, 0) : isFilled(b, 0) ? filled(b, 0) : undefined,
})
export const div = binary('divide', 'Div', {
  value: (x, y) => x / y,
  grad: (dy, y, _, b) => [div(dy, b), neg(div(mul(dy, y), b))],
  identity: (a, b) => (isFilled(b, 1) ? a : undefined),
})

export const greater = binary('greater', 'Greater', { value: (x, y) => Number(x > y), dtype: 'bool' })
export const less = binary('less', 'Less', { value: (x, y) => Number(x < y), dtype: 'bool' })
export const equal = binary('equal', 'Equal', { value: (x, y) => Number(x === y), dtype: 'bool' })

export const bitXor = binary('xor', 'BitwiseXor', { types: BITS })
export const shiftLeft = binary('shift left', 'BitShift', { types: ['uint32'], attrs: { direction: 'LEFT' } })
export const shiftRight = binary('shift right', 'BitShift', { types: ['uint32'], attrs: { direction: 'RIGHT' } })

export const neg = unary(
  'negate',
  'Neg',
  (x) => -x,
  (dy) => neg(dy),
)
export const exp = unary('exp', 'Exp', Math.exp, (dy, y) => mul(dy, y))
export const log = unary('log', 'Log', Math.log, (dy, _, x) => div(dy, x))
export const sqrt = unary('sqrt', 'Sqrt', Math.sqrt, (dy, y) => div(dy, mul(y, 2)))
export const tanh = unary('tanh', 'Tanh', Math.tanh, (dy, y) => mul(dy, sub(1, mul(y, y))))
export const sigmoid = unary(
  'sigmoid',
  'Sigmoid',
  (x) => 1 / (1 + Math.exp(-x)),
  (dy, y) => mul(dy, mul(y, sub(1, y))),
)
export const relu = unary(
  'relu',
  'Relu',
  (x) => Math.max(x, 0),
  (dy, y) => where(greater(y, 0), dy, 0),
)
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
        `Cannot choose by ${condition!.dtype} between ${a!.dtype} and ${b!.dtype}: a bool and two alike are wanted`,
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

/** `a` where the condition holds, `b` elsewhere. */
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

/** x, at least `min` and at most `max`. */
export const clip = (x: Tensor, min: number, max: number): Tensor => clipOp([x], { min, max })[0]!
