import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chart, thinned, ticks } from '../../src/pages/chart.ts'

const options = { title: 'Loss <1>', unit: 'epoch' }

describe('ticks()', () => {
  test.each<[readonly [number, number], number, number[]]>([
    [[0, 1], 5, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [[1, 30], 6, [5, 10, 15, 20, 25, 30]],
    [[0.0002, 0.0005], 5, [0.0002, 0.0003, 0.0004, 0.0005]],
    [[-3, 3], 3, [-2, 0, 2]],
  ])('of %j, about %i', (range, wanted, expected) => {
    expect(ticks(range, wanted)).toEqual(expected)
  })

  test('are within the range, equally far apart, and neither too few nor too many', () => {
    const number = fc.double({ min: -1e6, max: 1e6, noNaN: true })
    fc.assert(
      fc.property(number, fc.double({ min: 1e-6, max: 1e6, noNaN: true }), (low, size) => {
        const found = ticks([low, low + size], 5)
        const slack = size * 1e-6 + Math.abs(low) * 1e-9
        for (const tick of found) {
          expect(tick).toBeGreaterThanOrEqual(low - slack)
          expect(tick).toBeLessThanOrEqual(low + size + slack)
        }
        expect(found.length).toBeGreaterThanOrEqual(1)
        expect(found.length).toBeLessThanOrEqual(7)
      }),
    )
  })
})

describe('chart()', () => {
  test('places the smallest and the largest values at the edges of the plot, and leaves gaps out', () => {
    const points = [3, Number.NaN, 1].map((y, i) => ({ x: i + 1, y }))
    const svg = chart([{ name: 'a', points }], options)
    expect(svg).toContain('<polyline points="50,10 430,196"/>')
    expect(svg.match(/<circle/g)).toHaveLength(2)
    expect(svg).toContain('<title>a 3, epoch 1</title>')
    expect(svg).toContain('aria-label="Loss &#60;1&#62;: a from 3 at epoch 1 to 1 at epoch 3"')
    expect(svg).not.toContain('NaN')
  })

  test('of one point, and of equal values, is drawn; of none it says so', () => {
    expect(chart([{ name: 'a', points: [{ x: 1, y: 0 }] }], options)).toContain('<circle cx="240" cy="103"')
    const flat = [1, 2].map((x) => ({ x, y: 5e-4 }))
    expect(chart([{ name: 'a', points: flat }], options)).toContain('<polyline points="50,103 430,103"/>')
    expect(chart([{ name: 'a', points: [] }], options)).toContain('no values yet')
  })

  test('draws lines of single steps first, so that their means are on top', () => {
    const points = [1, 2].map((x) => ({ x, y: x }))
    const svg = chart(
      [
        { name: 'mean', points },
        { name: 'steps', points, behind: true },
      ],
      options,
    )
    expect(svg.indexOf('series s1 behind')).toBeLessThan(svg.indexOf('series s0'))
  })
})

test('thinned() replaces thousands of points by hundreds of means, and keeps few points as they are', () => {
  const points = Array.from({ length: 4000 }, (_, x) => ({ x, y: 2 * x }))
  const thin = thinned(points)
  expect(thin).toHaveLength(400)
  expect(thin[0]).toEqual({ x: 4.5, y: 9 })
  expect(thinned(points.slice(0, 400))).toEqual(points.slice(0, 400))
})
