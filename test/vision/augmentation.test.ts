import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { nodePictures } from '../../src/hosts/node/pictures.ts'
import { augmentedId, withAugmentations } from '../../src/vision/augmentation.ts'

const [WIDTH, HEIGHT] = [32, 16]
/** Red is the column, green the row. */
const pixels = Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => {
  const [column, row] = [Math.floor(i / 3) % WIDTH, Math.floor(i / 3 / WIDTH)]
  return [column, row, 99][i % 3]!
})
const picture = { data: pixels, width: WIDTH, height: HEIGHT }

describe('withAugmentations()', async () => {
  const augmentations = await withAugmentations({ id: 'a.jpg', path: 'a.jpg' }, 4)

  test('returns the picture and crops of 7/8 of its sides, every other one mirrored', () => {
    expect(augmentations[0]).toEqual({ id: 'a.jpg', path: 'a.jpg' })
    expect(augmentations.map(({ id }) => id)).toEqual(
      [0, 1, 2, 3, 4].map((augmentation) => augmentedId('a.jpg', augmentation)),
    )
    expect(augmentations.slice(1).map(({ crop }) => crop!.mirrored)).toEqual([true, false, true, false])
    for (const { crop } of augmentations.slice(1)) {
      expect([crop!.width, crop!.height]).toEqual([7 / 8, 7 / 8])
      for (const edge of [crop!.left, crop!.top]) expect(edge > 0 && edge < 1 / 8).toBe(true)
    }
  })

  test('crops every picture at other places, and at the same places each time', async () => {
    const places = async (id: string) => (await withAugmentations({ id }, 4)).map(({ crop }) => crop?.left)
    expect(await places('a.jpg')).toEqual(augmentations.map(({ crop }) => crop?.left))
    expect(new Set([...(await places('a.jpg')), ...(await places('b.jpg'))]).size).toBe(9)
  })
})

describe('decode() of a crop', () => {
  const crop = { left: 4 / WIDTH, top: 2 / HEIGHT, width: 28 / WIDTH, height: 14 / HEIGHT }
  const expected = (column: (x: number) => number) =>
    Array.from({ length: 14 }, (_, y) => Array.from({ length: 28 }, (_, x) => [column(x), y + 2, 99])).flat(2)

  test('returns the pixels of the crop', async () => {
    const cut = await nodePictures.decode(picture, {
      width: 28,
      height: 14,
      crop: { ...crop, mirrored: false },
    })
    expect([...cut]).toEqual(expected((x) => 4 + x))
  })

  test('mirrors the crop after cutting it out', async () => {
    const cut = await nodePictures.decode(picture, { width: 28, height: 14, crop: { ...crop, mirrored: true } })
    expect([...cut]).toEqual(expected((x) => 4 + 27 - x))
  })

  test('applies the EXIF orientation first', async () => {
    const lying = await sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
      .rotate(90)
      .withMetadata({ orientation: 8 })
      .png()
      .toBuffer()
    const cut = await nodePictures.decode(lying, { width: 28, height: 14, crop: { ...crop, mirrored: true } })
    expect([...cut]).toEqual(expected((x) => 4 + 27 - x))
  })
})
