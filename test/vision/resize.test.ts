import { expect, test } from 'vitest'
import { resizeBilinear } from '../../src/vision/resize.ts'

/** Grey pixels as RGB. */
const grey = (...values: number[]): Uint8Array => Uint8Array.from(values.flatMap((value) => [value, value, value]))

test('resizeBilinear() has pixel centres at .5 and extends the edge pixels', () => {
  const row = { width: 2, height: 1, pixels: grey(0, 100) }
  expect(resizeBilinear(row, 4, 1)).toEqual(grey(0, 25, 75, 100))
  expect(resizeBilinear({ ...row, width: 1, height: 2 }, 1, 4)).toEqual(grey(0, 25, 75, 100))
  expect(resizeBilinear({ width: 1, height: 1, pixels: grey(7) }, 2, 2)).toEqual(grey(7, 7, 7, 7))
})

test('resizeBilinear() keeps channels apart, and interpolates rows and columns', () => {
  const pixels = Uint8Array.of(0, 0, 0, 40, 0, 0, 0, 80, 0, 40, 80, 200)
  const [red, green, blue] = [0, 1, 2].map((channel) =>
    [...resizeBilinear({ width: 2, height: 2, pixels }, 3, 3)].filter((_, i) => i % 3 === channel),
  )
  expect(red).toEqual([0, 20, 40, 0, 20, 40, 0, 20, 40])
  expect(green).toEqual([0, 0, 0, 40, 40, 40, 80, 80, 80])
  expect(blue).toEqual([0, 0, 0, 0, 50, 100, 0, 100, 200])
})
