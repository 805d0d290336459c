import { expect, test } from 'vitest'
import { resizeBicubic } from '../../../src/evaluation/clip/bicubic.ts'

/** A picture of 13 x 9 pixels with strong contrasts. */
const [width, height] = [13, 9]
const values = Array.from({ length: width * height }, (_, i) => {
  const [x, y] = [i % width, Math.floor(i / width)]
  return (x * 19 + y * 7 + ((x * y * 31) % 97)) % 256
})
const pixels = Uint8Array.from(values.flatMap((p) => [p, (p * 3 + 5) % 256, 255 - p]))

// Expected pixels: PIL 9.4, Image.resize(size, Image.BICUBIC).
test('resizeBicubic() shrinks as PIL does', () => {
  const small = resizeBicubic({ width, height, pixels }, 6, 4, { left: 0, top: 0, width: 6, height: 4 })
  expect([...small]).toEqual(
    [
      [31, 66, 224, 95, 167, 160, 132, 140, 123, 163, 141, 92, 140, 72, 115, 142, 134, 113],
      [70, 111, 185, 145, 191, 110, 175, 123, 80, 219, 140, 36, 147, 141, 108, 85, 136, 170],
      [81, 132, 174, 150, 92, 105, 192, 134, 63, 192, 119, 63, 169, 185, 86, 55, 111, 200],
      [89, 129, 166, 161, 81, 94, 198, 148, 57, 171, 148, 84, 151, 164, 104, 52, 80, 203],
    ].flat(),
  )
})

test('resizeBicubic() enlarges as PIL does, and returns a window of the result', () => {
  const part = resizeBicubic({ width, height, pixels }, 20, 14, { left: 5, top: 4, width: 4, height: 3 })
  expect([...part]).toEqual(
    [
      [163, 228, 92, 164, 155, 91, 156, 108, 99, 152, 96, 103],
      [164, 230, 91, 173, 73, 82, 184, 25, 71, 193, 75, 62],
      [164, 255, 91, 138, 103, 117, 140, 95, 115, 168, 190, 87],
    ].flat(),
  )
})

test('resizeBicubic() keeps a picture of the same size', () => {
  expect([...resizeBicubic({ width, height, pixels }, width, height, { left: 0, top: 0, width, height })]).toEqual([
    ...pixels,
  ])
})
