import { describe, expect, test } from 'vitest'
import { packCaptions } from '../../src/train/packing.ts'

describe('packCaptions()', () => {
  test('lays two captions over five steps, time first', () => {
    const { inputs, targets, positions } = packCaptions(
      [
        [7, 8],
        [9, 10, 11],
      ],
      5,
    )
    expect([...inputs]).toEqual([1, 1, 7, 9, 8, 10, 0, 11, 0, 0])
    expect([...positions]).toEqual([0, 1, 2, 3, 4, 5, 7])
    expect([...targets]).toEqual([7, 9, 8, 10, 2, 11, 2])
  })

  test('of a caption without words predicts <end> alone', () => {
    const { inputs, targets, positions } = packCaptions([[]], 2)
    expect([[...inputs], [...targets], [...positions]]).toEqual([[1, 0], [2], [0]])
  })

  test('refuses a caption that leaves no step for <end>', () => {
    expect(() => packCaptions([[4, 5]], 2)).toThrow('Cannot lay 2 words and <end> over 2 steps')
  })
})
