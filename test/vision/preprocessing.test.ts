import { expect, test } from 'vitest'
import { BGR255, IMAGENET, type Normalisation, normalise, SYMMETRIC } from '../../src/vision/preprocessing.ts'

const pixels = Uint8Array.of(255, 0, 51, 0, 255, 102) // two pixels, RGB RGB
const normalised = (how: Normalisation): number[] => {
  const into = new Float32Array(6)
  normalise(pixels, { width: 2, height: 1, ...how }, into)
  return [...into]
}

test('normalise() with SYMMETRIC is value / 127.5 - 1, channels first', () => {
  const expected = [255, 0, 0, 255, 51, 102].map((value) => Math.fround(value / 127.5 - 1))
  for (const [i, value] of normalised(SYMMETRIC).entries()) expect(value).toBeCloseTo(expected[i]!, 6)
})

test("normalise() with IMAGENET returns torchvision's numbers", () => {
  // torchvision.transforms.Normalize of 1 and 0 in each channel: (1 - .485) / .229 and so on.
  const expected = [2.2489083, -2.117904, -2.0357141, 2.4285715, -0.9155556, -0.0266667]
  const actual = normalised(IMAGENET)
  for (const [i, value] of [expected[0]!, expected[1]!, expected[2]!, expected[3]!].entries())
    expect(actual[i]).toBeCloseTo(value, 5)
  expect(actual[4]).toBeCloseTo((0.2 - 0.406) / 0.225, 5)
  expect(actual[5]).toBeCloseTo((0.4 - 0.406) / 0.225, 5)
})

test('normalise() with BGR255 keeps the values and puts blue first', () => {
  expect(normalised(BGR255).map((value) => Math.round(value * 1e4) / 1e4)).toEqual([51, 102, 0, 255, 255, 0])
})

test('normalise() refuses a picture of another size', () => {
  const how = { width: 2, height: 2, ...SYMMETRIC }
  expect(() => normalise(pixels, how, new Float32Array(12))).toThrow('Cannot normalise 6 bytes into 12 numbers')
})
