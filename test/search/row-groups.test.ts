import { describe, expect, test } from 'vitest'
import { groupRows, imagesWithRows } from '../../src/search/row-groups.ts'

describe('groupRows()', () => {
  test.each([
    ['a row of each image', [0, 1, 2], [0, 1, 2]],
    ['equally many', [0, 0, 3, 3], [0, 3]],
    ['unequally many', [0, 1, 1, 1, 4, 4], [0, 1, 4]],
    ['images without rows', [1, 1, 4], [0, 1, 2, 4, 7]],
  ])('%s: every row is at its place, in the group of its image, and padding is a row too', (_, images, encoded) => {
    const { size, rows, places } = groupRows(Int32Array.from(images), Int32Array.from(encoded))
    expect(size).toBe(Math.max(...encoded.map((image) => images.filter((other) => other === image).length)))
    expect(rows).toHaveLength(size * encoded.length)
    expect(new Set(places).size).toBe(images.length)
    for (const [row, place] of places.entries()) {
      expect(rows[place]).toBe(row)
      expect(encoded[Math.floor(place / size)]).toBe(images[row])
    }
    for (const row of rows) expect(row).toBeLessThan(images.length)
  })
})

test('imagesWithRows() lists each image once', () =>
  expect([...imagesWithRows(Int32Array.of(0, 0, 2, 5, 5, 5))]).toEqual([0, 2, 5]))
