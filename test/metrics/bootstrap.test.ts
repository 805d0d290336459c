import { describe, expect, test } from 'vitest'
import { bootstrap, compare, type Score } from '../../src/metrics/index.ts'
import { meanScore, pooledScore } from '../../src/metrics/metric.ts'
import { normals } from '../support/random.ts'

const options = { samples: 2000, seed: 1 }
const scores = (mean: number, count: number, seed: number): number[] =>
  Array.from(normals(seed)(count), (x) => mean + x)

describe('bootstrap()', () => {
  test('returns the normal confidence interval for a mean', () => {
    const each = scores(5, 400, 3)
    const mean = each.reduce((sum, x) => sum + x, 0) / 400
    const deviation = Math.sqrt(each.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 400)
    const [[low, high]] = bootstrap([meanScore(each)], options) as [[number, number]]
    const error = (1.96 * deviation) / 20
    expect(low).toBeCloseTo(mean - error, 1)
    expect(high).toBeCloseTo(mean + error, 1)
  })

  test('pools the counts of the resampled images for a score that is not a mean', () => {
    const ratio = pooledScore([1, 2, 3, 4], 2, ([a, b]) => a! / b!)
    expect(ratio.corpus).toBe(4 / 6)
    expect(ratio.of([1, 1, 0])).toBe(7 / 10)
    const [[low, high]] = bootstrap([ratio], options) as [[number, number]]
    expect([low, high]).toEqual([1 / 2, 3 / 4])
  })

  test('depends only on the seed', () => {
    const score = meanScore(scores(0, 50, 4))
    expect(bootstrap([score], options)).toEqual(bootstrap([score], options))
    expect(bootstrap([score], options)).not.toEqual(bootstrap([score], { ...options, seed: 2 }))
  })
})

test.each([0, -1, 0.5, Number.NaN])('%d samples are refused', (samples) => {
  const score = meanScore([1, 2, 3])
  const message = `Cannot bootstrap with ${samples} samples: it must be an integer of at least 1`
  expect(() => bootstrap([score], { samples, seed: 1 })).toThrow(new RangeError(message))
  expect(() => compare([score], [score], { samples, seed: 1 })).toThrow(new RangeError(message))
})

describe('compare()', () => {
  test('finds a difference of every image significant, and one by chance not', () => {
    const one = scores(0, 200, 5)
    const better = meanScore(one.map((x, i) => x + 0.2 + (i % 2) / 10))
    const [significant] = compare([meanScore(one)], [better], options)
    expect(significant!.difference).toBeCloseTo(0.25, 9)
    expect(significant!.p).toBeCloseTo(1 / 2001, 9)
    const [chance] = compare([meanScore(one)], [meanScore(scores(0.02, 200, 6))], options)
    expect(chance!.p).toBeGreaterThan(0.05)
    const [same] = compare([meanScore(one)], [meanScore(one)], options)
    expect(same).toMatchObject({ difference: 0, p: 1 })
  })

  test('has uniform p-values for differences by chance', () => {
    const ps = Array.from({ length: 60 }, (_, i) => {
      const pair = [meanScore(scores(0, 80, 100 + i)), meanScore(scores(0, 80, 300 + i))] as [Score, Score]
      return compare([pair[0]], [pair[1]], { samples: 200, seed: 1 })[0]!.p
    })
    const below = ps.filter((p) => p < 0.5).length
    expect(below).toBeGreaterThan(18)
    expect(below).toBeLessThan(42)
  })
})
