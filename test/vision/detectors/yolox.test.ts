import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { recall } from '../../../bench/recall.ts'
import { fromFloat16 } from '../../../src/formats/float16.ts'
import { nodeEngine } from '../../../src/hosts/node/engine.ts'
import { openDetector, openNetwork, RegionFinder } from '../../../src/vision/index.ts'
import { temporaryFolder } from '../../support/folder.ts'

const shared = fileURLToPath(new URL('../../../../shared', import.meta.url))
const weights = join(shared, 'weights/yolox_nano_coco.onnx')
const network = join(shared, 'weights/mobilenet_v2_imagenet.onnx')

describe.skipIf(!existsSync(weights))('YOLOX-Nano (needs ../shared)', () => {
  test("finds most of the objects that people marked in COCO's pictures", async () => {
    const { boxes, classes, objects } = await recall(join(shared, 'data/coco-mini'), weights)
    expect(objects).toBe(731)
    expect(boxes).toBeGreaterThan(0.55)
    expect(classes).toBeGreaterThan(0.48)
  }, 120_000)

  test('regions have features and boxes, and the place of the box if asked', async () => {
    const finder = new RegionFinder(await openDetector(nodeEngine, weights), await openNetwork(nodeEngine, network), {
      pictures: nodeEngine.pictures,
      position: true,
    })
    const { size } = finder.source
    expect(size).toBe(1280 + 5)
    const picture = join(shared, 'data/bottom-up-sample/val2014/COCO_val2014_000000391895.jpg')
    const { features, boxes } = await finder.find(picture)
    const count = boxes!.length / 4
    expect(count).toBeGreaterThanOrEqual(10)
    expect(features).toHaveLength(count * size)
    const [left, top, right, bottom] = boxes!
    const place = fromFloat16(features.subarray(1280, size))
    for (const [i, value] of [left!, top!, right!, bottom!, (right! - left!) * (bottom! - top!)].entries())
      expect(place[i]).toBeCloseTo(value, 3)
    finder.release()
  }, 60_000)

  test('a box does not depend on how the picture lies in the square: one side twice as long finds the same', async () => {
    const folder = await temporaryFolder()
    const picture = join(shared, 'data/bottom-up-sample/val2014/COCO_val2014_000000391895.jpg')
    const { width } = await sharp(picture).metadata()
    const wide = join(folder, 'wide.png')
    await sharp(picture).extend({ right: width, background: '#727272' }).toFile(wide)
    const detector = await openDetector(nodeEngine, weights)
    const [plain] = await detector.detect(picture, { least: 1, most: 1 })
    const [half] = await detector.detect(wide, { least: 1, most: 1 })
    detector.release()
    expect(half!.label).toBe(plain!.label)
    expect(2 * half!.box.left).toBeCloseTo(plain!.box.left, 1)
    expect(2 * half!.box.right).toBeCloseTo(plain!.box.right, 1)
    expect(half!.box.top).toBeCloseTo(plain!.box.top, 1)
  }, 60_000)

  test('another network is refused before the first picture', async () => {
    await expect(openDetector(nodeEngine, network)).rejects.toThrow(/Cannot use detector .*mobilenet/)
  })
})
