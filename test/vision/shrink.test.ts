import sharp from 'sharp'
import { expect, test } from 'vitest'
import { nodePictures } from '../../src/hosts/node/pictures.ts'
import { resizeBilinear } from '../../src/vision/resize.ts'
import { BoxAverage, STRIP_ROWS, shrinkLinear, shrinkPlan } from '../../src/vision/shrink.ts'

/** A picture with fine and coarse detail, without symmetry. */
function pixels(width: number, height: number): Uint8Array {
  const data = new Uint8Array(width * height * 3)
  for (let i = 0; i < data.length; i++) {
    const [x, y, c] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3]
    data[i] = 128 + 90 * Math.sin(x / 7 + c) * Math.cos(y / 11 - x / 60) + ((x * 31 + y * 17) % 37) - 18
  }
  return data
}

/** As a page does it: RGBA in strips of a few rows, the average, the filter, and enlarging what is smaller. */
async function ours(input: Uint8Array, side: number, jpeg: boolean): Promise<Uint8Array> {
  const { data, info } = await sharp(input).ensureAlpha().raw().toBuffer({ resolveWithObject: true })
  const to = { width: side, height: side }
  const plan = shrinkPlan(info, to, jpeg)
  const average = new BoxAverage(info, plan)
  const strip = 7 * 4 * info.width
  for (let at = 0; at < data.length; at += strip)
    average.add(new Uint8ClampedArray(data.subarray(at, Math.min(data.length, at + strip))))
  const shrunk = shrinkLinear(average.finish(), plan, to, STRIP_ROWS.file)
  return resizeBilinear(shrunk, side, side)
}

/** The largest and the mean difference from libvips. */
async function differences(width: number, height: number, format: 'png' | 'jpeg'): Promise<[number, number]> {
  const raw = { width, height, channels: 3 } as const
  const file = await sharp(pixels(width, height), { raw }).toFormat(format).toBuffer()
  const [here, there] = [
    await ours(file, 320, format === 'jpeg'),
    await nodePictures.decode(file, { width: 320, height: 320 }),
  ]
  const each = Array.from(here, (value, i) => Math.abs(value - there[i]!))
  return [Math.max(...[0, ...new Set(each)]), each.reduce((sum, value) => sum + value, 0) / each.length]
}

test.each([
  [640, 480],
  [640, 427],
  [427, 640],
  [640, 383],
  [500, 333],
  [320, 1000],
  [300, 200],
  [200, 640],
])('%i x %i is shrunk as libvips does it, to the bit', async (width, height) => {
  expect(await differences(width, height, 'png')).toEqual([0, 0])
})

test.each([
  ['png', 2112, 1393, 1, 0.2],
  ['jpeg', 2112, 1393, 8, 0.8],
  ['jpeg', 2560, 1920, 8, 0.8],
] as const)(
  'a %s of %i x %i differs from libvips by at most %i, %f on average',
  async (format, width, height, most, mean) => {
    const [largest, average] = await differences(width, height, format)
    expect(largest).toBeLessThanOrEqual(most)
    expect(average).toBeLessThanOrEqual(mean)
  },
)
