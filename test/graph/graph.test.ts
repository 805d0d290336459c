import { describe, expect, test } from 'vitest'
import { floatData } from '../../src/engine/session.ts'
import { floats } from '../../src/formats/host-value.ts'
import {
  add,
  concat,
  constant,
  exp,
  gradients,
  input,
  matmul,
  maxPool,
  mul,
  pad,
  print,
  product,
  quotient,
  reshape,
  ShapeError,
  simplify,
  slice,
  softmax,
  sum,
  topological,
  transpose,
} from '../../src/graph/index.ts'
import { broadcast } from '../../src/graph/shape.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { toOnnx } from '../../src/onnx/export.ts'

describe('shapes', () => {
  test('matmul() of shapes that do not fit names both', () => {
    const call = () => matmul(input('a', [2, 3]), input('b', [4, 5]))
    expect(call).toThrow(ShapeError)
    expect(call).toThrow('Cannot matmul [2, 3] and [4, 5]: inner sizes are 3 and 4')
  })

  const x = input('x', [2, 3, 4, 5])
  const window = { strides: [1, 1], dilations: [1, 1], before: [0, 0], after: [0, 0], ceil: false } as const
  test.each<[string, () => unknown, string]>([
    ['concat() of nothing', () => concat([], 0), 'Cannot concat no tensors'],
    ['reshape() to two sizes of -1', () => reshape(x, [-1, -1]), 'sizes are whole numbers, one may be -1'],
    ['reshape() to a fraction', () => reshape(x, [0.5, 240]), 'Cannot reshape [2, 3, 4, 5] to [0.5, 240]'],
    [
      'reshape() to a missing size',
      () => reshape(x, [undefined as never, -1]),
      'Cannot reshape [2, 3, 4, 5] to [, -1]',
    ],
    ['slice() from NaN', () => slice(x, 0, Number.NaN, 1), 'Cannot slice [2, 3, 4, 5] from NaN to 1'],
    ['slice() of fractions', () => slice(x, 0, 0.5, 1), 'the result would be [0.5, 3, 4, 5]'],
    ['pad() by less than nothing', () => pad(x, 0, -1, 0), 'Cannot pad [2, 3, 4, 5] by -1 and 0 along axis 0'],
    ['softmax() of a scalar', () => softmax(input('s', [])), 'Cannot softmax [] along axis -1: it has 0 axes'],
    ['maxPool() of three axes', () => maxPool(input('t', [3, 4, 5]), { ...window, kernel: [1, 1] }), 'Cannot pool'],
    ['maxPool() with a stride of 0', () => maxPool(x, { ...window, kernel: [2, 2], strides: [0, 1] }), 'Infinity'],
    ['add() of shapes that do not broadcast', () => add(x, input('y', [4])), 'sizes 5 and 4 do not broadcast'],
  ])('%s throws ShapeError', (_, call, why) => {
    expect(call).toThrow(ShapeError)
    expect(call).toThrow(why)
  })

  test('symbolic sizes multiply, divide and broadcast', () => {
    expect(product([5, 'B', 2])).toBe('10*B')
    expect(product(['T', 'B', 3])).toBe('3*B*T')
    expect(quotient('10*B', 5)).toBe('2*B')
    expect(quotient('10*B', 'B')).toBe(10)
    expect(quotient('10*B', 4)).toBeUndefined()
    expect(broadcast('add', ['B', 1, 4], [3, 1])).toEqual(['B', 3, 4])
    expect(() => broadcast('add', ['B'], [3])).toThrow('Cannot add [B] and [3]')
  })

  test('concat() leaves out what is empty, and behind a symbol it makes a size of its own', () => {
    const word = input('word', ['N', 1, 4])
    expect(concat([input('none', ['N', 0, 4]), word], 1)).toBe(word)
    const once = concat([input('past', ['N', 'W', 4]), word], 1)
    expect(once.shape).toEqual(['N', 'W+1', 4])
    expect(concat([once, word, word], 1).shape).toEqual(['N', 'W+3', 4])
  })

  test('reshape() finds the size that is left over, also a symbolic one', () => {
    expect(reshape(input('x', ['B', 6, 4]), [-1, 8]).shape).toEqual(['3*B', 8])
    expect(() => reshape(input('x', [2, 3]), [4, -1])).toThrow('the sizes do not divide')
  })
})

describe('simplify()', () => {
  test('shares equal nodes, also when their inputs are equal and not the same', () => {
    const x = input('x', [3])
    const [y] = simplify([add(exp(mul(x, x)), exp(mul(x, x)))])
    expect(topological([y!]).map((node) => node.op.name)).toEqual(['input', 'multiply', 'exp', 'add'])
  })

  test('folds constants and leaves neutral operations out', () => {
    const x = input('x', [3])
    const [y] = simplify([mul(add(x, 0), mul(constant(2), constant(3)))])
    expect(print([y!])).toBe(
      '%x = input() {"name":"x","spec":{"shape":[3],"dtype":"float32"}} [3]\n%1 = constant() {"values":[6],"spec":{"shape":[],"dtype":"float32"}} []\n%2 = multiply(%x, %1) [3]\nreturn %2',
    )
  })

  test('keeps infinities, NaN and the sign of zero apart, which JSON does not', async () => {
    const special = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 0, -0]
    const x = input('x', [1])
    const products = special.map((value) => mul(x, constant([value, 1])))
    const session = await nodeRuntime.load(toOnnx(Object.fromEntries(products.map((y, i) => [`y${i}`, y]))))
    const results = await session.run({ x: floats([1], Float32Array.of(1)) })
    expect(special.map((_, i) => floatData(results[`y${i}`])[0])).toEqual(special)
    session.release()
    expect(print([constant(Number.NEGATIVE_INFINITY)])).toContain('{"number":"-Infinity"}')
  })
})

describe('gradients()', () => {
  test('of a weight used at many steps are one product', () => {
    const w = input('w', [4, 5])
    const loss = sum(
      concat(
        [1, 2, 3].map((i) => matmul(input(`x${i}`, [2, 4]), w)),
        0,
      ),
    )
    const [dw] = simplify(gradients(loss, [w]))
    expect(topological([dw!]).filter((node) => node.op.name === 'matmul')).toHaveLength(1)
  })

  test('of what the loss does not depend on are zeros', () => {
    const [dw] = gradients(sum(input('x', [2])), [input('w', [4])])
    expect(print(simplify([dw!]))).toContain('expand')
  })

  test('need a scalar', () => {
    expect(() => gradients(input('x', [2]), [])).toThrow(
      'Cannot differentiate a loss of shape [2]: it must be a scalar',
    )
  })

  test('transpose() back and forth costs a transposition each, and none for the identity', () => {
    const x = input('x', [2, 3])
    expect(transpose(x, [0, 1])).toBe(x)
  })
})
