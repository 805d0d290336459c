import { describe, expect, test } from 'vitest'
import { grouped } from '../../src/engine/grouped-work.ts'

const signal = new AbortController().signal

describe('grouped()', () => {
  test('works on items with equal keys together and answers in the order of the items', async () => {
    const seen: string[][] = []
    const work = grouped<string, string>(
      (item) => item[0]!,
      async (items) => {
        seen.push([...items])
        return items.map((item) => item.toUpperCase())
      },
    )
    expect(await work(['a1', 'b1', 'a2', 'c1', 'b2'], signal)).toEqual(['A1', 'B1', 'A2', 'C1', 'B2'])
    expect(seen).toEqual([['a1', 'a2'], ['b1', 'b2'], ['c1']])
  })

  test('an error fails the items of its group only', async () => {
    const broken = new Error('broken')
    const work = grouped<string, string>(
      (item) => item[0]!,
      async (items) => {
        if (items[0]!.startsWith('b')) throw broken
        return items
      },
    )
    expect(await work(['a1', 'b1', 'b2', 'a2'], signal)).toEqual(['a1', broken, broken, 'a2'])
  })
})
