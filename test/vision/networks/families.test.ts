import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { nodeEngine } from '../../../src/hosts/node/engine.ts'
import { nodePictures } from '../../../src/hosts/node/pictures.ts'
import type { Network } from '../../../src/vision/networks/network.ts'
import { type OnnxNetworkOptions, openOnnxNetwork } from '../../../src/vision/networks/onnx-network.ts'
import { IMAGENET, normalise } from '../../../src/vision/preprocessing.ts'
import { onnxModel } from '../../onnx/onnx-models.ts'
import { temporaryFolder } from '../../support/folder.ts'

const folder = fileURLToPath(new URL('../../fixtures/networks/', import.meta.url))

/** The features that PyTorch computes for image(), made by scripts/make-test-networks.py. */
interface Expected {
  readonly height: number
  readonly width: number
  readonly shape: readonly [number, number]
  readonly features: readonly number[]
}

/** The input of the fixtures, and for other `step`s other inputs. */
const image = ({ height, width }: { readonly height: number; readonly width: number }, step = 0.37): Float32Array =>
  Float32Array.from({ length: 3 * height * width }, (_, i) => Math.sin(i * step))

const open = (name: string, options: OnnxNetworkOptions = {}): Promise<Network> =>
  openOnnxNetwork(nodeEngine, join(folder, `${name}.onnx`), options)

const furthest = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length)
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)
}

const families: [name: string, what: string, sizeIsOpen: boolean, tolerance: number][] = [
  ['vit', 'a class token and a classifier, operator set 14', false, 1e-4],
  ['vit-half', 'float16 throughout', false, 3e-2],
  ['clip', 'a class token, its weights in another file, operator set 12', false, 1e-4],
  ['siglip', 'no class token, pooled by attention, one image at once, operator set 17', false, 1e-4],
  ['dinov2', 'a class token and four registers, any size, operator set 21', true, 1e-4],
  ['convnext', 'channels last inside its blocks, any size, operator set 11', true, 1e-4],
  ['swin', 'shifted windows and merged patches, operator set 13', false, 1e-4],
  ['efficientnet', 'squeeze-and-excite and SiLU, any size, operator set 16', true, 1e-4],
  ['mobilenetv3', 'squeeze-and-excite and HardSwish, 32 x 64 pixels, operator set 14', false, 1e-4],
  ['mobilenetv4', 'attention on a map, operator set 18', false, 1e-4],
  ['resnet', 'one image at once, 32 x 48 pixels, operator set 21', false, 1e-4],
  ['keras-cnn', 'channels last at its input', false, 1e-4],
]

describe('openOnnxNetwork() takes the cells of the last layer as PyTorch computes them:', () => {
  test.each(families)('%s (%s)', async (name, _, sizeIsOpen, tolerance) => {
    const expected = JSON.parse(await readFile(join(folder, `${name}.json`), 'utf8')) as Expected
    const { height, width, shape, features } = expected
    const network = await open(name, sizeIsOpen ? { width, height } : {})
    expect(network.input).toMatchObject({ width, height })
    expect([network.regions, network.size]).toEqual(shape)
    // the cells keep the proportions of the image, so that explanations point at the right places
    expect(network.columns / (network.regions / network.columns)).toBe(width / height)
    const first = image(expected)
    const alone = await network.run(first, 1)
    expect(furthest(alone, features)).toBeLessThan(tolerance)

    const second = image(expected, 0.21)
    const together = await network.run(Float32Array.from([...first, ...second, ...first]), 3)
    const each = network.regions * network.size
    expect(furthest(together.subarray(0, each), alone)).toBeLessThan(tolerance / 10)
    expect(furthest(together.subarray(each, 2 * each), await network.run(second, 1))).toBeLessThan(tolerance / 10)
    expect(furthest(together.subarray(2 * each), alone)).toBeLessThan(tolerance / 10)
    network.release()
  })
})

describe('openOnnxNetwork() has its cells where the picture has what they show:', () => {
  test.each(families)('%s', async (name, _, sizeIsOpen) => {
    const { height, width } = JSON.parse(await readFile(join(folder, `${name}.json`), 'utf8')) as Expected
    const network = await open(name, sizeIsOpen ? { width, height } : {})
    const { columns, regions, size } = network
    const rows = regions / columns
    const plain = image({ height, width })
    const before = await network.run(plain, 1)
    for (const [row, column] of [
      [rows - 1, 0],
      [0, columns - 1],
    ] as const) {
      const changed = plain.map((value, i) => {
        const [y, x] = [Math.floor(i / width) % height, i % width]
        return Math.floor((y * rows) / height) === row && Math.floor((x * columns) / width) === column ? -3 : value
      })
      const after = await network.run(changed, 1)
      const changes = Array.from({ length: regions }, (_, cell) =>
        Array.from({ length: size }, (_, i) => Math.abs(after[cell * size + i]! - before[cell * size + i]!)).reduce(
          (sum, change) => sum + change,
        ),
      )
      const most = changes.indexOf(Math.max(...changes))
      expect(Math.abs(Math.floor(most / columns) - row)).toBeLessThanOrEqual(1)
      expect(Math.abs((most % columns) - column)).toBeLessThanOrEqual(1)
    }
    network.release()
  })
})

describe('openOnnxNetwork() of a file with', () => {
  test('weights in another file identifies it by both', async () => {
    const copy = await temporaryFolder()
    for (const file of ['clip.onnx', 'clip.onnx_data']) await copyFile(join(folder, file), join(copy, file))
    const opened = () => openOnnxNetwork(nodeEngine, join(copy, 'clip.onnx'))
    const { sha256 } = await opened()
    expect(sha256).toBe((await open('clip')).sha256)
    const data = await readFile(join(copy, 'clip.onnx_data'))
    data[0]! ^= 1
    await writeFile(join(copy, 'clip.onnx_data'), data)
    expect((await opened()).sha256).not.toBe(sha256)

    await writeFile(join(copy, 'clip.onnx_data'), data.subarray(0, 100))
    await expect(opened()).rejects.toThrow(
      /^Cannot read network ".*clip.onnx": its weights ".*" end at byte \d+ of "clip.onnx_data", which has 100; copy that file again$/,
    )
    const alone = join(await temporaryFolder(), 'clip.onnx')
    await copyFile(join(folder, 'clip.onnx'), alone)
    await expect(openOnnxNetwork(nodeEngine, alone)).rejects.toThrow(
      `Cannot read network "${alone}": its weights are in "clip.onnx_data", which is missing from its folder; copy it there`,
    )
  })

  test('a stored batch of one that says it takes any runs pictures one by one', async () => {
    // the tokens of all images in one sequence: each would attend to the others
    const path = join(await temporaryFolder(), 'mixed.onnx')
    const node = (type: string, inputs: string[], output: string, attrs = {}) => ({ type, inputs, output, attrs })
    const bytes = onnxModel({
      nodes: [
        node('Reshape', ['x', 'one'], 'cells'),
        node('Transpose', ['cells'], 'tokens', { perm: [0, 2, 1] }),
        node('MatMul', ['tokens', 'cells'], 'scores'),
        node('Softmax', ['scores'], 'attention', { axis: -1 }),
        node('MatMul', ['attention', 'tokens'], 'mixed'),
        node('Add', ['mixed', 'tokens'], 'y'),
      ],
      stored: { one: { shape: [3], values: [1, 3, -1], int64: true } },
      inputs: { x: ['batch', 3, 4, 4] },
      output: 'y',
    })
    await writeFile(path, bytes)
    const network = await openOnnxNetwork(nodeEngine, path)
    const both = [image({ height: 4, width: 4 }), image({ height: 4, width: 4 }, 0.21)] as const
    const alone = [await network.run(both[0], 1), await network.run(both[1], 1)].flatMap((each) => [...each])
    expect(furthest(await network.run(Float32Array.from([...both[0], ...both[1]]), 2), alone)).toBeLessThan(1e-5)
    network.release()
  })
})

const photos = fileURLToPath(new URL('../../../../shared/data/coco-mini/train2017/', import.meta.url))

describe.skipIf(!existsSync(photos))('openOnnxNetwork() on two photographs (needs ../shared)', () => {
  test.each(['vit', 'clip', 'swin', 'convnext', 'efficientnet'])(
    '%s tells them apart, and each is itself',
    async (name) => {
      const network = await open(name, { width: 32, height: 32 })
      const names = (await readdir(photos)).sort().slice(0, 2)
      const planes = await Promise.all(
        names.map(async (photo) => {
          const into = new Float32Array(3 * 32 * 32)
          normalise(await nodePictures.decode(join(photos, photo), network.input), network.input, into)
          return into
        }),
      )
      const [first, second] = planes as [Float32Array, Float32Array]
      const [a, b] = [await network.run(first, 1), await network.run(second, 1)]
      const both = await network.run(Float32Array.from([...second, ...first]), 2)
      expect(furthest(both, [...b, ...a])).toBeLessThan(1e-4)
      expect(furthest(a, b)).toBeGreaterThan(1e-3)
      network.release()
    },
  )
})

describe('preprocessor_config.json', () => {
  const mean = [0.48145466, 0.4578275, 0.40821073]
  const std = [0.26862954, 0.26130258, 0.27577711]
  const zeros = [0, 0, 0]
  const ones = [1, 1, 1]
  const inputWith = async (config: unknown, options: OnnxNetworkOptions = {}, subfolder = '') => {
    const at = await temporaryFolder()
    const path = join(at, subfolder, 'dinov2.onnx')
    await mkdir(join(at, subfolder), { recursive: true })
    await copyFile(join(folder, 'dinov2.onnx'), path)
    const text = typeof config === 'string' ? config : JSON.stringify(config)
    await writeFile(join(at, 'preprocessor_config.json'), text)
    const network = await openOnnxNetwork(nodeEngine, path, options)
    network.release()
    return network.input
  }
  const clip = {
    image_processor_type: 'CLIPImageProcessor',
    size: { shortest_edge: 32 },
    crop_size: { height: 32, width: 32 },
    do_center_crop: true,
    do_normalize: true,
    image_mean: mean,
    image_std: std,
    resample: 3,
    rescale_factor: 0.00392156862745098,
  }

  test.each<[string, object, object]>([
    ['of CLIP', clip, { width: 32, height: 32, channels: 'RGB', mean, std }],
    ['of older versions', { size: 32, image_mean: mean, image_std: std }, { width: 32, mean, std }],
    [
      'of a size without a crop',
      { size: { height: 32, width: 32 }, crop_size: 24, do_center_crop: false, do_normalize: false },
      { width: 32, mean: zeros, std: ones },
    ],
    [
      'of values from -1 to 1 without a normalisation',
      { size: 32, rescale_factor: 1 / 127.5, rescale_offset: true, do_normalize: false },
      { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
    ],
    [
      'of values from 0 to 255, blue first',
      { size: 32, do_rescale: false, do_normalize: false, do_flip_channel_order: true },
      { channels: 'BGR', mean: zeros, std: ones.map((one) => Number((one / 255).toPrecision(12))) },
    ],
    [
      'of EfficientNet, which divides by the deviation twice',
      { ...clip, image_processor_type: 'EfficientNetImageProcessor', image_std: [0.5, 0.5, 0.5] },
      { mean, std: [0.25, 0.25, 0.25] },
    ],
  ])('%s says how pictures are made', async (_, config, expected) => {
    expect(await inputWith(config)).toMatchObject(expected)
  })

  test('is found above a folder called onnx, as transformers.js has it, and above no other', async () => {
    expect(await inputWith(clip, {}, 'onnx')).toMatchObject({ mean, std })
    const size = { width: 32, height: 32 }
    expect(await inputWith(clip, size, 'models')).toMatchObject({ ...size, ...IMAGENET })
  })

  test('gives way to what is asked for', async () => {
    const normalisation = { channels: 'RGB', mean: [0.1, 0.2, 0.3], std: [1, 1, 1] } as const
    expect(await inputWith({ ...clip, crop_size: 224 }, { normalisation, width: 32, height: 32 })).toEqual({
      width: 32,
      height: 32,
      ...normalisation,
    })
  })

  test.each([
    ['{"size": ', 'it is not JSON'],
    ['{"image_std": [0, 1, 1]}', '"image_std.*" is wrong|expected no zeros'],
    ['{"image_mean": "grey"}', '"image_mean" is wrong'],
    ['[]', 'it is not an object'],
    ['{"size": 1e21}', 'it asks for images of 1e\\+21 x 1e\\+21, and 16384 pixels a side is the most'],
  ])('of %s is named, not ignored', async (text, why) => {
    const opening = inputWith(text)
    await expect(opening).rejects.toThrow(new RegExp(`^Cannot read .*preprocessor_config.json.*(${why})`))
    await expect(opening).rejects.toThrow(/--normalisation/)
  })
})
