import { describe, expect, test } from 'vitest'
import { constant, gradients, print, ShapeError, simplify, topological } from '../../src/graph/index.ts'
import { add, concat, exp, matmul, mul, reshape, sum, transpose } from '../../src/graph/ops/index.ts'
import { broadcast, product, quotient } from '../../src/graph/shape.ts'
import { input } from '../../src/graph/tensor.ts'

describe('shapes', () => {
  test('matmul() of shapes that do not fit names both and the line of the model', () => {
    const call = () => matmul(input('a', [2, 3]), input('b', [4, 5]))
    expect(call).toThrow(ShapeError)
    expect(call).toThrow(
      /Cannot matmul \[2, 3\] and \[4, 5\]: inner sizes are 3 and 4 \(in graph\.test\.ts:\d+\)|\(in .*graph.test.ts:\d+\)/,
    )
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
