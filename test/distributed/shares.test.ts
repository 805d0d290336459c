import fc from 'fast-check'
import { expect, test } from 'vitest'
import { batchShareOf, shareOf } from '../../src/distributed/shares.ts'

const parts = fc.record({ count: fc.nat(300), parts: fc.integer({ min: 1, max: 40 }) })

test('shares follow each other, cover all items and differ by one at most', () => {
  fc.assert(
    fc.property(parts, ({ count, parts }) => {
      const shares = Array.from({ length: parts }, (_, i) => shareOf(count, i, parts))
      const sizes = shares.map(({ start, end }) => end - start)
      expect(shares.map(({ start }) => start)).toEqual([0, ...shares.slice(0, -1).map(({ end }) => end)])
      expect(shares.at(-1)!.end).toBe(count)
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
    }),
  )
})

test('shares of batches have together the batches of one process', () => {
  fc.assert(
    fc.property(parts, fc.integer({ min: 1, max: 60 }), ({ count, parts }, batchSize) => {
      const batches = (start: number, end: number): number[][] => {
        const made: number[][] = []
        for (let first = start; first < end; first += batchSize) made.push([first, Math.min(end, first + batchSize)])
        return made
      }
      const shared = Array.from({ length: parts }, (_, i) => batchShareOf(count, batchSize, i, parts))
      expect(shared.flatMap(({ start, end }) => batches(start, end))).toEqual(batches(0, count))
    }),
  )
})
