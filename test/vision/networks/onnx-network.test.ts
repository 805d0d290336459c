import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ort from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import { nodeEngine } from '../../../src/hosts/node/engine.ts'
import { nodePictures } from '../../../src/hosts/node/pictures.ts'
import type { Network } from '../../../src/vision/networks/network.ts'
import { openOnnxNetwork } from '../../../src/vision/networks/onnx-network.ts'
import { BGR255, IMAGENET, normalise, SYMMETRIC } from '../../../src/vision/preprocessing.ts'
import { onnxModel } from '../../onnx/onnx-models.ts'
import { temporaryFolder } from '../../support/folder.ts'

const shared = fileURLToPath(new URL('../../../../shared/', import.meta.url))

/** The input of a network for real pictures, `[count, 3, height, width]`. */
async function pictures({ input }: Network, count: number): Promise<Float32Array> {
  const names = (await readFile(join(shared, 'data/flickr8k/Flickr_8k.devImages.txt'), 'utf8'))
    .split('\n')
    .slice(0, count)
  const length = 3 * input.width * input.height
  const all = new Float32Array(count * length)
  for (const [i, name] of names.entries()) {
    const pixels = await nodePictures.decode(join(shared, 'data/flickr8k/images', name.trim()), input)
    normalise(pixels, input, all.subarray(i * length, (i + 1) * length))
  }
  return all
}

const furthest = (a: Float32Array, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length)
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)
}

describe.skipIf(!existsSync(join(shared, 'weights')))(
  'openOnnxNetwork() of a pretrained network (needs ../shared)',
  () => {
    test.each([
      { file: 'mobilenet_v2_imagenet', output: 'features', regions: 49, size: 1280, normalisation: SYMMETRIC },
      { file: 'squeezenet1.1_imagenet', output: 'features', regions: 169, size: 512, normalisation: IMAGENET },
    ])(
      '$file returns the map that onnxruntime-node returns for the file itself, picture by picture',
      async ({ file, output, ...expected }) => {
        const path = join(shared, 'weights', `${file}.onnx`)
        const network = await openOnnxNetwork(nodeEngine, path)
        const { name, layer, regions, size, sha256, input } = network
        const { width, height, ...normalisation } = input
        expect({ name, layer, regions, size, normalisation }).toEqual({
          name: path,
          layer: output,
          ...expected,
        })
        expect(sha256).toBe(
          createHash('sha256')
            .update(await readFile(path))
            .digest('hex'),
        )

        const count = 8
        const images = await pictures(network, count)
        const together = await network.run(images, count)
        const original = await ort.InferenceSession.create(path)
        const length = 3 * width * height
        for (let i = 0; i < count; i++) {
          const image = images.subarray(i * length, (i + 1) * length)
          const map = (
            await original.run({ [original.inputNames[0]!]: new ort.Tensor('float32', image, [1, 3, height, width]) })
          )[output]!.data as Float32Array
          const cells = Float32Array.from(
            { length: map.length },
            (_, at) => map[(at % size) * regions + Math.floor(at / size)]!,
          )
          const one = together.subarray(i * regions * size, (i + 1) * regions * size)
          const scale = Math.max(1, ...cells)
          expect(furthest(one, cells)).toBeLessThanOrEqual(1e-4 * scale)
          expect(furthest(await network.run(image, 1), one)).toBeLessThanOrEqual(1e-5 * scale)
        }
        network.release()
      },
    )

    test('yolox_nano_coco can be cut at its maps', async () => {
      const path = join(shared, 'weights/yolox_nano_coco.onnx')
      const network = await openOnnxNetwork(nodeEngine, path)
      expect([network.layer, network.regions, network.input]).toEqual([
        'output.1',
        169,
        { width: 416, height: 416, ...BGR255 },
      ])
      await expect(openOnnxNetwork(nodeEngine, path, { layer: 'output' })).rejects.toThrow(
        'layer "output" is [1, 3549, 85], not a map [images, channels, rows, columns] or tokens [images, tokens, size]',
      )
    })
  },
)

describe('openOnnxNetwork()', () => {
  const conv = { type: 'Conv', inputs: ['x', 'w'], output: 'cells' }
  const w = { shape: [2, 3, 2, 2], values: Array.from({ length: 24 }, (_, i) => i) }
  const pool = { type: 'GlobalAveragePool', inputs: ['cells'], output: 'y' }
  const save = async (spec: Partial<Parameters<typeof onnxModel>[0]> = {}): Promise<string> => {
    const path = join(await temporaryFolder(), 'tiny.onnx')
    await writeFile(
      path,
      onnxModel({ nodes: [conv, pool], stored: { w }, output: 'y', inputs: { x: [1, 3, 4, 5] }, ...spec }),
    )
    return path
  }

  test('takes the last map of more than one cell, and for an unknown network the normalisation of torchvision', async () => {
    const { layer, regions, size, input } = await openOnnxNetwork(nodeEngine, await save())
    expect({ layer, regions, size, input }).toEqual({
      layer: 'cells',
      regions: 12,
      size: 2,
      input: { width: 5, height: 4, ...IMAGENET },
    })
  })

  test('returns the cells row by row, channels last', async () => {
    const first = { shape: [2, 3, 1, 1], values: [1, 0, 0, 0, 1, 0] } // the red and the green of each place
    const network = await openOnnxNetwork(
      nodeEngine,
      await save({ stored: { w: first }, inputs: { x: [1, 3, 2, 2] } }),
      {
        normalisation: SYMMETRIC,
      },
    )
    const image = Float32Array.from({ length: 12 }, (_, i) => i)
    expect([...(await network.run(image, 1))]).toEqual([0, 4, 1, 5, 2, 6, 3, 7])
    expect(network.input).toEqual({ width: 2, height: 2, ...SYMMETRIC })
  })

  test('accepts any batch size, and the picture size that is asked for if the network accepts any', async () => {
    const path = await save({ inputs: { x: ['n', 3, 'height', 'width'] } })
    expect((await openOnnxNetwork(nodeEngine, path)).regions).toBe(223 * 223)
    const network = await openOnnxNetwork(nodeEngine, path, { width: 6, height: 4 })
    expect([network.regions, network.input.width, network.input.height]).toEqual([15, 6, 4])
    expect((await network.run(new Float32Array(2 * 72), 2)).length).toBe(2 * 15 * 2)
  })

  test('refuses a missing file', async () => {
    await expect(openOnnxNetwork(nodeEngine, '/no/such.onnx')).rejects.toThrow(
      'Cannot read network "/no/such.onnx": there is no such file',
    )
  })
})
