import { appendFile, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { recall } from '../../../../bench/recall.ts'
import { openFeatureExtractor } from '../../../../src/caption/feature-extractor.ts'
import type { TrainedCaptioner } from '../../../../src/caption/trained-captioner.ts'
import { toFloat16 } from '../../../../src/formats/float16.ts'
import { nodeEngine } from '../../../../src/hosts/node/engine.ts'
import {
  BUILTIN,
  CENTERNET,
  openDetector,
  openNetwork,
  RegionFinder,
  sameSource,
  sourceOf,
} from '../../../../src/vision/index.ts'
import { averageGrid } from '../../../../src/vision/networks/centernet/average-grid.ts'
import { DEVIATIONS, MEANS } from '../../../../src/vision/networks/centernet/channels.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { runInTensorflow } from '../tfjs/tensorflow.ts'
import { INPUT, inTensorflow, LAYERS } from './network-files.ts'
import { coco, hasCoco, photographs, planesOf, waves } from './pictures.ts'

const CHANNELS = [528, 720, 720, 480]

/** Numbers from the base64 of their float16 bits, decoded by the definition. */
function halves(text: string): number[] {
  const bytes = Buffer.from(text, 'base64')
  return Array.from({ length: bytes.length / 2 }, (_, i) => {
    const bits = bytes.readUInt16LE(2 * i)
    const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023]
    const size = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25)
    return bits >> 15 ? -size : size
  })
}

let cache: string
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'mia-cache-'))
  vi.stubEnv('XDG_CACHE_HOME', cache)
  vi.stubEnv('LOCALAPPDATA', cache)
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await rm(cache, { recursive: true })
})

describe('openNetwork("centernet")', () => {
  test('concatenates the maps of four layers, averaged over the cells of one grid, and standardises each channel', async () => {
    const network = await openNetwork(nodeEngine, CENTERNET)
    const { regions, columns, size } = network
    expect({ regions, columns, size }).toEqual({ regions: 49, columns: 7, size: 528 + 720 + 720 + 480 })
    const planes = await planesOf(await waves(), 320)
    const grid = await network.run(planes, 1)
    const [means, deviations] = [halves(MEANS), halves(DEVIATIONS)]
    const maps = runInTensorflow(await inTensorflow(320), INPUT, planes, [3, 320, 320], LAYERS)
    let first = 0
    for (const [i, channels] of CHANNELS.entries()) {
      const cells = maps[i]!.length / channels
      const shares = averageGrid([7, 7], [Math.sqrt(cells), Math.sqrt(cells)])
      for (const channel of [0, 17, channels - 1])
        for (const region of [0, 6, 24, 48]) {
          const map = maps[i]!.subarray(channel * cells, (channel + 1) * cells)
          const average = map.reduce((sum, value, cell) => sum + value * shares[region * cells + cell]!, 0)
          const at = first + channel
          expect(grid[region * size + at]! * deviations[at]! + means[at]!).toBeCloseTo(average, 4)
        }
      first += channels
    }
    const twice = await network.run(Float32Array.from([...planes, ...planes]), 2)
    expect(twice.length).toBe(2 * grid.length)
    expect(twice[grid.length + 1234]).toBeCloseTo(grid[1234]!, 4)
    network.release()
  })

  test.skipIf(!hasCoco)(
    'has channels with about mean 0 and standard deviation 1 over other photographs (needs ../shared)',
    async () => {
      const network = await openNetwork(nodeEngine, CENTERNET)
      const values: number[] = []
      for (const picture of (await photographs()).slice(0, 16))
        values.push(...(await network.run(await planesOf(picture, 320), 1)))
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length
      expect(Math.abs(mean)).toBeLessThan(0.1)
      const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
      expect(Math.abs(deviation - 1)).toBeLessThan(0.3)
      network.release()
    },
  )

  test('has a source that names no file, with which a run opens it again', async () => {
    const network = await openNetwork(nodeEngine, CENTERNET)
    const source = sourceOf(network)
    expect(source.network).toEqual({ file: 'centernet', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(source.layer).toBe(
      'expanded_conv_12/expand+expanded_conv_13/expand+expanded_conv_14/expand+extern1, standardised',
    )
    expect(sameSource(source, { ...source, layer: 'extern1' })).toBe(false)
    const picture = await waves()
    const grid = await network.run(await planesOf(picture, 320), 1)
    network.release()
    const extractor = await openFeatureExtractor(
      nodeEngine,
      { name: 'run', config: { features: source } } as TrainedCaptioner,
      {},
    )
    const [seen] = await extractor.extract([await extractor.decode(picture)])
    expect(seen).toHaveProperty('features', toFloat16(grid))
    extractor.release()
    const other = { ...source, network: { ...source.network, sha256: 'aa' } }
    await expect(
      openFeatureExtractor(nodeEngine, { name: 'run', config: { features: other } } as TrainedCaptioner, {}),
    ).rejects.toThrow(/^Cannot use run "run" with the built-in network: it is not the one .* "npm ci"$/)
  })

  test('caches its ONNX with a checksum, and makes it again if it is damaged or missing', async () => {
    const folder = join(cache, 'mia-caption')
    const open = async () => (await openNetwork(nodeEngine, CENTERNET)).release()
    await open()
    const file = (await readdir(folder)).find((name) => /^[\d.]+-centernet-features-[0-9a-f]{16}\.onnx$/.test(name))!
    const path = join(folder, file)
    const whole = await readFile(path)
    const { mtimeMs } = await stat(path)
    await open()
    expect((await stat(path)).mtimeMs).toBe(mtimeMs)
    const damages = [
      () => truncate(path, whole.length / 2),
      () => appendFile(path, 'x'),
      () => writeFile(path, whole.with(whole.length / 2, whole[whole.length / 2]! ^ 1)),
      () => rm(path),
      () => rm(`${path}.sha256`),
      () => writeFile(`${path}.sha256`, ''),
    ]
    for (const damage of damages) {
      await damage()
      await open()
      expect(whole.equals(await readFile(path))).toBe(true)
      expect(await readFile(`${path}.sha256`, 'utf8')).toMatch(new RegExp(`^[0-9a-f]{64}  ${file}\n$`))
    }
  })

  test('works if the cache cannot be written', async () => {
    const file = join(await temporaryFolder(), 'no-folder')
    await writeFile(file, '')
    vi.stubEnv('XDG_CACHE_HOME', file)
    vi.stubEnv('LOCALAPPDATA', file)
    onTestFinished(() => {
      vi.stubEnv('XDG_CACHE_HOME', cache)
      vi.stubEnv('LOCALAPPDATA', cache)
    })
    const network = await openNetwork(nodeEngine, CENTERNET)
    expect(network.regions).toBe(49)
    network.release()
  })
})

describe('openDetector("builtin")', () => {
  test.skipIf(!hasCoco)("finds most of the annotated objects in COCO's pictures (needs ../shared)", async () => {
    const { boxes, classes, regions, objects } = await recall(coco, BUILTIN, 25)
    expect(objects).toBe(254)
    expect(boxes).toBeGreaterThan(0.59)
    expect(classes).toBeGreaterThan(0.52)
    expect(regions).toBeLessThan(42)
  })

  test.skipIf(!hasCoco)('finds regions for the features of the built-in network (needs ../shared)', async () => {
    const finder = new RegionFinder(await openDetector(nodeEngine, BUILTIN), await openNetwork(nodeEngine, BUILTIN), {
      pictures: nodeEngine.pictures,
      position: false,
    })
    expect(finder.source).toMatchObject({ kind: 'detected', detector: { file: 'builtin' }, size: 1104, regions: 100 })
    const { features, boxes } = await finder.find((await photographs())[0]!)
    finder.release()
    const count = boxes!.length / 4
    expect(count).toBeGreaterThanOrEqual(10)
    expect(features).toHaveLength(1104 * count)
    expect(boxes!.every((edge) => edge >= 0 && edge <= 1)).toBe(true)
  })

  test('returns at least `least` objects, whatever their confidence, and at most `most`, highest confidence first', async () => {
    const detector = await openDetector(nodeEngine, BUILTIN)
    const picture = await waves()
    const scores = (await detector.detect(picture, { least: 10, most: 100 })).map(({ score }) => score)
    expect(scores.length).toBeGreaterThanOrEqual(10)
    expect(scores).toEqual(scores.toSorted((a, b) => b - a))
    expect(await detector.detect(picture, { least: 3, most: 3 })).toHaveLength(3)
    await expect(detector.detect(Buffer.from('no picture'), { least: 1, most: 1 })).rejects.toThrow('Cannot read image')
    detector.release()
  })
})
