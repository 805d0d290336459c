import { describe, expect, test } from 'vitest'
import { philox, Random } from '../src/random.ts'

describe('philox()', () => {
  // Known answers of Philox4x32-10 from the authors' library (Random123, kat_vectors).
  const all = 0xffffffff
  test.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [all, all, all, all],
      [all, all],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])('of counter %j and key %j gives the known answer', (counter, key, answer) => {
    expect(philox(counter, key)).toEqual(answer)
  })
})

describe('Random', () => {
  const draws = (random: Random, count = 9): number[] => Array.from({ length: count }, () => random.uint32())

  test('draws the same numbers for one seed and stream, and different ones for others', () => {
    expect(draws(new Random(5, 2))).toEqual(draws(new Random(5, 2)))
    const streams = [new Random(5), new Random(5, 1), new Random(5, 0, 1), new Random(6), new Random(5 + 2 ** 32)]
    expect(new Set(streams.flatMap((random) => draws(random))).size).toBe(5 * 9)
  })

  test('returns the four words of each counter in order', () => {
    expect(draws(new Random(3, 7, 8, 9), 8)).toEqual([...philox([0, 7, 8, 9], [3, 0]), ...philox([1, 7, 8, 9], [3, 0])])
  })

  test('below(count) is uniform', () => {
    const random = new Random(1)
    const counts = new Array<number>(7).fill(0)
    for (let i = 0; i < 70_000; i++) counts[random.below(7)]!++
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400) // four standard deviations
  })

  test('shuffle() is uniform over orders', () => {
    const random = new Random(2)
    const counts = new Map<string, number>()
    for (let i = 0; i < 24_000; i++) {
      const order = random.shuffle([0, 1, 2, 3]).join('')
      counts.set(order, (counts.get(order) ?? 0) + 1)
    }
    expect(counts.size).toBe(24)
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(125)
  })

  test.each([0, -1, 1.5, Number.NaN, 2 ** 32 + 1, 2 ** 33, Infinity])(
    'below(%d) throws instead of looping',
    (count) => {
      expect(() => new Random(1).below(count)).toThrow(
        new RangeError(`Cannot draw a number below ${count}: it must be an integer from 1 to 2^32`),
      )
    },
  )

  test('below(2 ** 32) is the whole range', () => {
    expect(new Random(1).below(2 ** 32)).toBe(new Random(1).uint32())
  })

  test('refuses a seed that is not an integer from 0', () => {
    expect(() => new Random(-1)).toThrow('Cannot seed random numbers with -1')
    expect(() => new Random(0.5)).toThrow(RangeError)
  })
})
