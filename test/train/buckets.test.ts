import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chooseLevels, levelOf } from '../../src/train/buckets.ts'

/** The sum of all sizes when each is rounded up to one of the levels. */
const cost = (sizes: readonly number[], levels: readonly number[]): number =>
  sizes.reduce((sum, size) => sum + Math.min(...levels.filter((level) => level >= size)), 0)

/** The least cost over every set of `count` levels. */
function leastCost(sizes: readonly number[], count: number): number {
  const candidates = [...new Set(sizes)]
  let least = Infinity
  for (let set = 0; set < 2 ** candidates.length; set++) {
    const levels = candidates.filter((_, i) => (set >> i) & 1)
    if (levels.length <= count && levels.includes(Math.max(...sizes))) least = Math.min(least, cost(sizes, levels))
  }
  return least
}

describe('chooseLevels()', () => {
  test('pads as little as the best of all choices', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 25 }),
        fc.integer({ min: 1, max: 6 }),
        (sizes, count) => {
          const levels = chooseLevels(sizes, count)
          expect(levels).toEqual([...new Set(levels)].sort((a, b) => a - b))
          expect(levels.length).toBeLessThanOrEqual(count)
          expect(cost(sizes, levels)).toBe(leastCost(sizes, count))
          for (const size of sizes) expect(levels).toContain(levelOf(size, levels))
        },
      ),
      { seed: 1, numRuns: 200 },
    )
  })

  test('with one level takes the largest, and of no sizes none', () => {
    expect(chooseLevels([9, 4], 1)).toEqual([9])
    expect(chooseLevels([], 3)).toEqual([])
    expect(levelOf(10, [4, 9])).toBeUndefined()
  })
})
