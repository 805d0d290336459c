import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { tauC } from '../../bench/kendall.ts'

/** The definition, over all pairs. */
function bruteForce(x: readonly number[], y: readonly number[]): number {
  let sum = 0
  for (let i = 0; i < x.length; i++)
    for (let j = 0; j < i; j++) sum += Math.sign(x[i]! - x[j]!) * Math.sign(y[i]! - y[j]!)
  const m = Math.min(new Set(x).size, new Set(y).size)
  return (2 * sum) / (x.length ** 2 * ((m - 1) / m))
}

describe('tauC()', () => {
  // scipy 1.17: kendalltau(x, y, variant='c').
  test('equals scipy on lists with ties', () => {
    expect(tauC([1, 2, 2, 3, 4, 4], [1, 1, 3, 2, 4, 3])).toBeCloseTo(0.6666666666666666, 12)
    expect(tauC([12, 2, 1, 12, 2], [1, 4, 7, 1, 0])).toBeCloseTo(-0.48, 12)
  })

  test('equals its definition on any lists', () => {
    const value = fc.integer({ min: 0, max: 5 })
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value), { minLength: 2, maxLength: 60 }), (pairs) => {
        const [x, y] = [pairs.map(([a]) => a), pairs.map(([, b]) => b)]
        if (new Set(x).size > 1 && new Set(y).size > 1) expect(tauC(x, y)).toBeCloseTo(bruteForce(x, y), 12)
        else expect(tauC(x, y)).toBeNaN()
      }),
      { seed: 1, numRuns: 500 },
    )
  })

  test('is 1 for the same order, -1 for the opposite one', () => {
    expect(tauC([1, 2, 3], [10, 20, 30])).toBeCloseTo(1, 12)
    expect(tauC([1, 2, 3], [3, 2, 1])).toBeCloseTo(-1, 12)
  })

  test('refuses lists of different lengths', () => {
    expect(() => tauC([1, 2], [1])).toThrow('Cannot correlate 2 values with 1')
  })
})
