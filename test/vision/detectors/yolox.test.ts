import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { recall } from '../../../bench/recall.ts'
import { UserError } from '../../../src/errors.ts'
import { fromFloat16 } from '../../../src/formats/float16.ts'
import { nodeEngine } from '../../../src/hosts/node/engine.ts'
import type { Box } from '../../../src/vision/boxes.ts'
import { Yolox } from '../../../src/vision/detectors/yolox.ts'
import { openDetector, openNetwork, RegionFinder } from '../../../src/vision/index.ts'
import { type ModelSpec, onnxModel } from '../../onnx/onnx-models.ts'
import { temporaryFolder } from '../../support/folder.ts'

const shared = fileURLToPath(new URL('../../../../shared', import.meta.url))
const weights = join(shared, 'weights/yolox_nano_coco.onnx')
const network = join(shared, 'weights/mobilenet_v2_imagenet.onnx')

describe.skipIf(!existsSync(weights))('YOLOX-Nano (needs ../shared)', () => {
  test("finds most of the annotated objects in COCO's pictures", async () => {
    const { boxes, classes, objects } = await recall(join(shared, 'data/coco-mini'), weights)
    expect(objects).toBe(731)
    expect(boxes).toBeGreaterThan(0.55)
    expect(classes).toBeGreaterThan(0.48)
  }, 120_000)

  test('its regions have features and boxes, and the position of the box if asked', async () => {
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

  test('boxes are relative to the picture: with grey added on the right, the same object is found in the left half', async () => {
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

  test('another network is refused before the first picture, with its file', async () => {
    await expect(openDetector(nodeEngine, network)).rejects.toThrow(/Cannot use detector .*mobilenet/)
  })
})

describe('Yolox', () => {
  const SIZE = 32
  /** At 32 pixels: 4 x 4 cells of 8 pixels, 2 x 2 of 16, one of 32. */
  const CELLS = 21
  const NO_BOX = [0, 0, -1e3, -1e3, 0, 0, 0]

  /** A network that ignores its input and outputs `values`. */
  const constant = (shape: readonly number[], values: readonly number[]): ModelSpec => ({
    nodes: [
      { type: 'ReduceMean', inputs: ['x'], output: 'mean', attrs: { keepdims: 0 } },
      { type: 'Mul', inputs: ['mean', 'zero'], output: 'nothing' },
      { type: 'Add', inputs: ['nothing', 'values'], output: 'y' },
    ],
    stored: { zero: { shape: [], values: [0] }, values: { shape, values } },
    inputs: { x: [1, 3, SIZE, SIZE] },
    output: 'y',
  })

  async function open(spec: ModelSpec): Promise<Yolox> {
    const path = join(await temporaryFolder(), 'tiny.onnx')
    await writeFile(path, onnxModel(spec))
    return Yolox.open(nodeEngine, path, SIZE)
  }

  const near = (box: Box) =>
    Object.fromEntries(Object.entries(box).map(([edge, value]) => [edge, expect.closeTo(value, 6)]))
  const square = { data: new Uint8Array(3 * 64 * 64), width: 64, height: 64 }
  const wide = { data: new Uint8Array(3 * 64 * 32), width: 64, height: 32 }

  test('decodes the box, class and confidence of each cell, highest confidence first', async () => {
    const cells = Array.from({ length: CELLS }, () => NO_BOX)
    cells[5] = [0.5, 0.5, 0, Math.log(2), 0.5, 0.1, 0.6] // row 1, column 1 of 8 pixels: centre (12, 12), 8 x 16
    cells[20] = [0.5, 0.25, 0, 0, 1, 0.9, 0.2] // the cell of 32 pixels: centre (16, 8), 32 x 32
    const detector = await open(constant([1, CELLS, 7], cells.flat()))
    const found = await detector.detect(square, { least: 0, most: 100 })
    expect(found.map(({ label }) => label)).toEqual([0, 1])
    expect(found.map(({ score }) => score)).toEqual([expect.closeTo(0.9), expect.closeTo(0.3)])
    expect(found[0]!.box).toEqual(near({ left: 0, top: 0, right: 1, bottom: 0.75 })) // 24 of 32 pixels, cut at the picture
    expect(found[1]!.box).toEqual(near({ left: 0.25, top: 0.125, right: 0.5, bottom: 0.625 }))
    const [, inWide] = await detector.detect(wide, { least: 0, most: 100 }) // fills the upper half of the square
    expect(inWide!.box).toEqual(near({ left: 0.25, top: 0.25, right: 0.5, bottom: 1 }))
    detector.release()
  })

  test('suppresses a second box of one object, and returns unlikely objects only up to `least`', async () => {
    const cells = Array.from({ length: CELLS }, () => NO_BOX)
    cells[5] = [0.5, 0.5, 0, 0, 1, 0.9, 0]
    cells[6] = [-0.5, 0.6, 0, 0, 1, 0.8, 0] // almost the same box, from the next cell
    cells[7] = [-1.5, 0.5, 0, 0, 1, 0, 0.7] // the same box, another class
    cells[10] = [0.5, 0.5, 0, 0, 1, 0.01, 0]
    const detector = await open(constant([1, CELLS, 7], cells.flat()))
    const scores = async (least: number, most: number) =>
      (await detector.detect(square, { least, most })).map(({ score }) => Math.round(100 * score))
    expect(await scores(0, 100)).toEqual([90, 70])
    expect(await scores(10, 100)).toEqual([90, 70, 1])
    expect(await scores(0, 1)).toEqual([90])
    detector.release()
  })

  test.each<[string, ModelSpec, string]>([
    ['other cells', constant([1, 22, 7], Array(154).fill(0)), 'its output is float32 [1, 22, 7], not float32 [1, 21, '],
    ['an output without numbers per cell', constant([1, CELLS], Array(21).fill(0)), 'its output is float32 [1, 21], '],
    ['a fourth axis', constant([1, CELLS, 7, 1], Array(147).fill(0)), 'its output is float32 [1, 21, 7, 1], '],
    ['two pictures', constant([2, CELLS, 7], Array(294).fill(0)), 'its output is float32 [2, 21, 7], '],
    ['no classes', constant([1, CELLS, 5], Array(105).fill(0)), 'its output is float32 [1, 21, 5], '],
    [
      'two inputs',
      {
        nodes: [{ type: 'Concat', inputs: ['x', 'z'], output: 'y', attrs: { axis: 1 } }],
        inputs: { x: [1, 3, SIZE, SIZE], z: [1, 3, SIZE, SIZE] },
        output: 'y',
      },
      'it has 2 inputs',
    ],
    ['another size', { ...constant([1, CELLS, 7], Array(147).fill(0)), inputs: { x: [1, 3, 64, 64] } }, 'x'],
  ])('refuses a network with %s', async (_, spec, why) => {
    const opening = open(spec)
    await expect(opening).rejects.toThrow(UserError)
    await expect(opening).rejects.toThrow(/^Cannot use detector ".*tiny\.onnx": .*; give YOLOX of 32 x 32 pixels$/s)
    await expect(opening).rejects.toThrow(why)
  })

  test('refuses a file that is not ONNX', async () => {
    const path = join(await temporaryFolder(), 'text.onnx')
    await writeFile(path, 'text')
    await expect(Yolox.open(nodeEngine, path)).rejects.toThrow(`Cannot read detector "${path}": it is not an ONNX file`)
  })
})
