import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { COLOURS, describeScene, drawScene, isHeldOut, THINGS } from '../../src/quickstart/scene.ts'
import { makeWorld } from '../../src/quickstart/world.ts'
import { Random } from '../../src/random.ts'
import { temporaryFolder } from '../support/folder.ts'

describe('the world of the quickstart', () => {
  test('drawScene() never has a held-out combination in training and always one in validation', () => {
    const [train, val] = [false, true].map((heldOut) => {
      const random = new Random(3)
      return Array.from({ length: 500 }, () => drawScene(random, heldOut))
    }) as [ReturnType<typeof drawScene>[], ReturnType<typeof drawScene>[]]
    expect(train.flatMap(({ objects }) => objects).some(isHeldOut)).toBe(false)
    expect(val.every(({ objects }) => objects.some(isHeldOut))).toBe(true)
    const shown = new Set(train.flatMap(({ objects }) => objects.map(({ colour, thing }) => `${colour} ${thing}`)))
    expect(shown.size).toBe(Object.keys(THINGS).length * (Object.keys(COLOURS).length - 1))
  })

  test('describeScene() names exactly the things of the scene, and no other colours', () => {
    const random = new Random(4)
    for (let i = 0; i < 100; i++) {
      const scene = drawScene(random, false)
      const captions = describeScene(scene)
      expect(new Set(captions).size).toBe(5)
      for (const caption of captions) {
        const named = Object.keys(THINGS).filter((thing) => caption.split(' ').includes(thing))
        expect(named.toSorted()).toEqual(scene.objects.map(({ thing }) => thing).toSorted())
        for (const colour of Object.keys(COLOURS))
          if (caption.includes(`${colour} `)) expect(scene.objects.map((object) => object.colour)).toContain(colour)
      }
    }
  })

  test("makeWorld() writes COCO's layout, the same bytes for the same seed", async () => {
    const [one, two] = [await temporaryFolder(), await temporaryFolder()]
    await makeWorld(one, { train: 6, val: 3, seed: 7 })
    await makeWorld(two, { train: 6, val: 3, seed: 7 })
    const hash = async (folder: string, file: string) =>
      createHash('sha256')
        .update(await readFile(join(folder, file)))
        .digest('hex')
    for (const file of ['annotations/captions_val2017.json', 'train2017/000000000002.png', 'val2017/000000000009.png'])
      expect(await hash(one, file)).toBe(await hash(two, file))
    const { annotations } = JSON.parse(await readFile(join(one, 'annotations/captions_train2017.json'), 'utf8'))
    expect(annotations).toHaveLength(30)
  })

  test('draws each thing in its colour', async () => {
    const folder = await temporaryFolder()
    const { scenes } = await makeWorld(folder, { train: 6, val: 0, seed: 7 })
    for (const [id, { objects }] of scenes) {
      const file = join(folder, `train2017/${id.padStart(12, '0')}.png`)
      const raw = await sharp(file).removeAlpha().raw().toBuffer()
      const hues = Array.from({ length: raw.length / 3 }, (_, i) => vividHue(raw.subarray(3 * i, 3 * i + 3)))
      for (const { colour } of objects)
        expect(hues.filter((hue) => Math.abs(hue - COLOURS[colour]) < 4).length, `${colour} in ${id}`).toBeGreaterThan(
          200,
        )
    }
  })
})

/** The hue of a pixel in degrees; NaN for greys and for the pale colours of the backgrounds. */
function vividHue([r, g, b]: Uint8Array): number {
  const [most, least] = [Math.max(r!, g!, b!), Math.min(r!, g!, b!)]
  const range = most - least
  if (range < 100) return Number.NaN
  const sector = most === r ? (g! - b!) / range : most === g ? (b! - r!) / range + 2 : (r! - g!) / range + 4
  return (60 * sector + 360) % 360
}
