import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bucketOf, chooseBuckets } from '../../src/train/buckets.ts'

/** The sum of all sizes when each is rounded up to one of the buckets. */
const cost = (sizes: readonly number[], buckets: readonly number[]): number =>
  sizes.reduce((sum, size) => sum + Math.min(...buckets.filter((bucket) => bucket >= size)), 0)

/** The least cost over every set of `count` buckets. */
function leastCost(sizes: readonly number[], count: number): number {
  const candidates = [...new Set(sizes)]
  let least = Infinity
  for (let set = 0; set < 2 ** candidates.length; set++) {
    const buckets = candidates.filter((_, i) => (set >> i) & 1)
    if (buckets.length <= count && buckets.includes(Math.max(...sizes))) least = Math.min(least, cost(sizes, buckets))
  }
  return least
}

describe('chooseBuckets()', () => {
  test('pads as little as the best of all choices', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 25 }),
        fc.integer({ min: 1, max: 6 }),
        (sizes, count) => {
          const buckets = chooseBuckets(sizes, count)
          expect(buckets).toEqual([...new Set(buckets)].sort((a, b) => a - b))
          expect(buckets.length).toBeLessThanOrEqual(count)
          expect(cost(sizes, buckets)).toBe(leastCost(sizes, count))
          for (const size of sizes) expect(buckets).toContain(bucketOf(size, buckets))
        },
      ),
      { seed: 1, numRuns: 200 },
    )
  })

  test('takes the largest size for one bucket, and no bucket for no sizes', () => {
    expect(chooseBuckets([9, 4], 1)).toEqual([9])
    expect(chooseBuckets([], 3)).toEqual([])
    expect(bucketOf(10, [4, 9])).toBeUndefined()
  })
})
