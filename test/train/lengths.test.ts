import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chooseLengths } from '../../src/train/lengths.ts'

/** The steps of all images when each is rounded up to one of the lengths. */
const cost = (longest: readonly number[], lengths: readonly number[]): number =>
  longest.reduce((sum, steps) => sum + Math.min(...lengths.filter((length) => length >= steps)), 0)

/** The least cost over every set of `count` lengths. */
function leastCost(longest: readonly number[], count: number): number {
  const candidates = [...new Set(longest)]
  let least = Infinity
  for (let set = 0; set < 2 ** candidates.length; set++) {
    const lengths = candidates.filter((_, i) => (set >> i) & 1)
    if (lengths.length <= count && lengths.includes(Math.max(...longest)))
      least = Math.min(least, cost(longest, lengths))
  }
  return least
}

describe('chooseLengths()', () => {
  test('pads as little as the best of all choices', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 }), {
          minLength: 1,
          maxLength: 25,
        }),
        fc.integer({ min: 1, max: 6 }),
        (steps, count) => {
          const longest = steps.map((each) => Math.max(...each))
          const lengths = chooseLengths(steps, count)
          expect(lengths).toEqual([...new Set(lengths)].sort((a, b) => a - b))
          expect(lengths.length).toBeLessThanOrEqual(count)
          expect(cost(longest, lengths)).toBe(leastCost(longest, count))
        },
      ),
      { seed: 1, numRuns: 200 },
    )
  })

  test('with one length takes the longest, and of no captions none', () => {
    expect(chooseLengths([[3, 9], [4]], 1)).toEqual([9])
    expect(chooseLengths([], 3)).toEqual([])
    expect(chooseLengths([[], [2]], 3)).toEqual([2])
  })
})
