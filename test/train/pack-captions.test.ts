import { describe, expect, test } from 'vitest'
import { packCaptions } from '../../src/train/pack-captions.ts'

describe('packCaptions()', () => {
  test('packs two captions of two images into five steps', () => {
    const { inputs, targets, positions } = packCaptions(
      [
        [7, 8],
        [9, 10, 11],
      ],
      5,
      1,
    )
    expect([...inputs]).toEqual([1, 1, 7, 9, 8, 10, 0, 11, 0, 0])
    expect([...targets]).toEqual([7, 9, 8, 10, 2, 11, 2])
    expect([...positions]).toEqual([0, 5, 1, 6, 2, 7, 8])
  })

  test('orders positions by image, then step, then caption', () => {
    // Two images of two captions in two steps: image 0 has positions 0 to 3, image 1 has 4 to 7.
    const { inputs, targets, positions } = packCaptions([[5], [], [], [6]], 2, 2)
    expect([...inputs]).toEqual([1, 1, 1, 1, 5, 0, 0, 6])
    expect([...targets]).toEqual([5, 2, 2, 6, 2, 2])
    expect([...positions]).toEqual([0, 1, 4, 5, 2, 7])
  })

  test('refuses a caption that leaves no step for <end>', () => {
    expect(() => packCaptions([[4, 5]], 2, 1)).toThrow('Cannot pack 2 words and <end> into 2 steps')
  })
})
