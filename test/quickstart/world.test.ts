import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { colours, describeScene, drawScene, isHeldOut, things } from '../../src/quickstart/scene.ts'
import { makeWorld } from '../../src/quickstart/world.ts'
import { Random } from '../../src/random.ts'
import { temporaryFolder } from '../support/folder.ts'

describe('the small world', () => {
  test('holds one colour of each thing out of training, and has it in every validation scene', () => {
    const [train, val] = [false, true].map((heldOut) => {
      const random = new Random(3)
      return Array.from({ length: 500 }, () => drawScene(random, heldOut))
    }) as [ReturnType<typeof drawScene>[], ReturnType<typeof drawScene>[]]
    expect(train.flatMap(({ objects }) => objects).some(isHeldOut)).toBe(false)
    expect(val.every(({ objects }) => objects.some(isHeldOut))).toBe(true)
    const shown = new Set(train.flatMap(({ objects }) => objects.map(({ colour, thing }) => `${colour} ${thing}`)))
    expect(shown.size).toBe(Object.keys(things).length * (Object.keys(colours).length - 1))
  })

  test('tells what is in a scene, and nothing that is not', () => {
    const random = new Random(4)
    for (let i = 0; i < 100; i++) {
      const scene = drawScene(random, false)
      const captions = describeScene(scene)
      expect(new Set(captions).size).toBe(5)
      for (const caption of captions) {
        const named = Object.keys(things).filter((thing) => caption.split(' ').includes(thing))
        expect(named.toSorted()).toEqual(scene.objects.map(({ thing }) => thing).toSorted())
        for (const colour of Object.keys(colours))
          if (caption.includes(`${colour} `)) expect(scene.objects.map((object) => object.colour)).toContain(colour)
      }
    }
  })

  test("is written as COCO's files lie, the same for the same seed, things in their colours", async () => {
    const [one, two] = [await temporaryFolder(), await temporaryFolder()]
    const { scenes } = await makeWorld(one, { train: 6, val: 3, seed: 7 })
    await makeWorld(two, { train: 6, val: 3, seed: 7 })
    const hash = async (folder: string, file: string) =>
      createHash('sha256')
        .update(await readFile(join(folder, file)))
        .digest('hex')
    for (const file of ['annotations/captions_val2017.json', 'train2017/000000000002.png', 'val2017/000000000009.png'])
      expect(await hash(one, file)).toBe(await hash(two, file))
    const { annotations } = JSON.parse(await readFile(join(one, 'annotations/captions_train2017.json'), 'utf8'))
    expect(annotations).toHaveLength(30)
    const { objects, place } = scenes.get('2')!
    const raw = await sharp(join(one, 'train2017/000000000002.png')).removeAlpha().raw().toBuffer()
    const pixels = new Set(Array.from({ length: raw.length / 3 }, (_, i) => raw.subarray(3 * i, 3 * i + 3).join()))
    expect([objects.length > 0, place.length > 0, pixels.size > 20]).toEqual([true, true, true])
  })
})
