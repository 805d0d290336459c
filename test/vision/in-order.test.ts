import { describe, expect, test } from 'vitest'
import { inOrder } from '../../src/vision/in-order.ts'

describe('inOrder()', () => {
  const later = (ms: number, value: number): Promise<number> => new Promise((resolve) => setTimeout(resolve, ms, value))

  test('yields results in the order of the items, whatever finishes first', async () => {
    const results: number[] = []
    for await (const result of inOrder([30, 1, 20, 5], (ms) => later(ms, ms), 3)) results.push(result)
    expect(results).toEqual([30, 1, 20, 5])
  })

  test('works on `ahead` items at a time and no more', async () => {
    let [now, most] = [0, 0]
    const work = async (n: number): Promise<number> => {
      most = Math.max(most, ++now)
      await later(1, n)
      return now--
    }
    for await (const _ of inOrder(
      Array.from({ length: 20 }, (_, n) => n),
      work,
      4,
    ))
      await later(1, 0)
    expect(most).toBe(4)
  })

  test('throws an error of the work at its turn', async () => {
    const seen: number[] = []
    const reading = (async () => {
      for await (const n of inOrder([1, 2, 3], async (n) => (n === 2 ? Promise.reject(new Error('two')) : n), 3))
        seen.push(n)
    })()
    await expect(reading).rejects.toThrow('two')
    expect(seen).toEqual([1])
  })

  test('an error after the reader stopped is no unhandled rejection', async () => {
    const unhandled: unknown[] = []
    const listener = (reason: unknown): void => void unhandled.push(reason)
    process.on('unhandledRejection', listener)
    const work = async (n: number): Promise<number> => (n === 2 ? Promise.reject(new Error('two')) : n)
    for await (const n of inOrder([1, 2, 3], work, 3)) if (n === 1) break
    await later(5, 0)
    process.off('unhandledRejection', listener)
    expect(unhandled).toEqual([])
  })
})
