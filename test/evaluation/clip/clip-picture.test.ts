import { describe, expect, test } from 'vitest'
import { clipInput, clipPreprocessing } from '../../../src/evaluation/clip/clip-picture.ts'
import { nodePictures } from '../../../src/hosts/node/pictures.ts'

/** A picture whose red grows to the right and whose green grows downwards. */
function ramp(width: number, height: number): { data: Uint8Array; width: number; height: number } {
  const data = Array.from({ length: width * height }, (_, i) => [
    Math.round((255 * (i % width)) / (width - 1)),
    Math.round((255 * Math.floor(i / width)) / (height - 1)),
    7,
  ])
  return { data: Uint8Array.from(data.flat()), width, height }
}
const plain = { image_mean: [0, 0, 0], image_std: [1, 1, 1] }

describe('clipInput()', () => {
  test('resizes the shorter side and crops the middle of the longer one', async () => {
    const preprocessing = clipPreprocessing(
      { ...plain, size: { shortest_edge: 8 }, crop_size: { height: 8, width: 8 } },
      '',
    )
    const input = await clipInput(nodePictures, ramp(24, 8), preprocessing)
    // The picture is as high as wanted: its columns 8 to 15 are kept as they are.
    const [red, green] = [input.subarray(0, 64), input.subarray(64, 128)]
    for (let y = 0; y < 8; y++)
      for (let x = 0; x < 8; x++) {
        expect(red[8 * y + x]).toBeCloseTo(Math.round((255 * (x + 8)) / 23) / 255, 6)
        expect(green[8 * y + x]).toBeCloseTo(Math.round((255 * y) / 7) / 255, 6)
      }
    expect(new Set(input.subarray(128))).toEqual(new Set([Math.fround(7 / 255)]))
  })

  test('crops a part that is smaller than the resized picture', async () => {
    const preprocessing = clipPreprocessing({ ...plain, size: 10, crop_size: 6 }, '')
    const input = await clipInput(nodePictures, ramp(10, 10), preprocessing)
    expect(input).toHaveLength(3 * 36)
    expect(input[0]).toBeCloseTo(Math.round((255 * 2) / 9) / 255, 6)
  })

  test('reads a large picture, shrunk while decoding, as it reads a small one', async () => {
    const preprocessing = clipPreprocessing({ ...plain, size: 8, crop_size: 8 }, '')
    const large = await clipInput(nodePictures, ramp(600, 400), preprocessing)
    const small = await clipInput(nodePictures, ramp(60, 40), preprocessing)
    for (const [i, value] of large.entries()) expect(Math.abs(value - small[i]!)).toBeLessThan(0.03)
  })
})

test("clipPreprocessing() has OpenAI's values for what the file lacks", () => {
  const { shortest, crop, normalisation } = clipPreprocessing({}, '')
  expect([shortest, crop]).toEqual([224, 224])
  expect(normalisation.mean).toEqual([0.48145466, 0.4578275, 0.40821073])
})
