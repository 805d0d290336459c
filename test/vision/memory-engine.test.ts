import { beforeEach, describe, expect, test } from 'vitest'
import { ImageError } from '../../src/engine/pictures.ts'
import { floatData } from '../../src/engine/session.ts'
import { fromFloat16 } from '../../src/formats/float16.ts'
import { floats } from '../../src/formats/host-value.ts'
import {
  extractFeatures,
  extractRegions,
  type FeatureSink,
  openDetector,
  openNetwork,
  RegionFinder,
  type Regions,
  type SkippedFile,
} from '../../src/vision/index.ts'
import { RGB255 } from '../../src/vision/preprocessing.ts'
import { onnxModel } from '../onnx/onnx-models.ts'
import { type Compute, MemoryEngine, type MemoryFile } from './memory-engine.ts'

/** The cells of YOLOX at 416 pixels: 52 x 52, 26 x 26 and 13 x 13. */
const CELLS = 52 ** 2 + 26 ** 2 + 13 ** 2
/** Centre x and y, log width and height, objectness, two classes. */
const NUMBERS = 7
const NO_BOX = [0, 0, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0]

/** A sink that keeps features in memory. */
class MemorySink implements FeatureSink {
  readonly regions = new Map<string, Regions>()
  readonly skipped: SkippedFile[] = []

  has = (id: string) => this.regions.has(id)
  add = async (id: string, regions: Regions) => void this.regions.set(id, regions)
  skip = (image: SkippedFile) => void this.skipped.push(image)
  features = (id: string) => [...fromFloat16(this.regions.get(id)!.features)]
}

/** A network of 2 x 3 cells and two channels: the picture's red and blue. */
const meanColour: Compute = ({ x }) => {
  const [count, , height, width] = x!.shape as [number, number, number, number]
  const planes = floatData(x)
  const at = (image: number, channel: number) => planes[(3 * image + channel) * height * width]!
  const cells = Array.from({ length: count }, (_, i) => Array.from({ length: 6 }, () => [at(i, 0), at(i, 2)]))
  return { regions: floats([count, 6, 2], Float32Array.from(cells.flat(2))) }
}
const w = { shape: [2, 3, 2, 2], values: Array.from({ length: 24 }, () => 0) }
const nodes = [{ type: 'Conv', inputs: ['x', 'w'], output: 'cells' }]
const bytes = onnxModel({ nodes, stored: { w }, output: 'cells', inputs: { x: [1, 3, 3, 4] } })
const network: MemoryFile = { bytes, inputName: 'x', compute: meanColour }
/** The session that shows the shape of the network's only tensor. */
const shapes: MemoryFile = {
  bytes,
  inputName: 'x',
  compute: () => ({ shape_0: { dtype: 'int64', shape: [4], data: BigInt64Array.of(1n, 2n, 2n, 3n) } }),
}

/** A detector that finds one object in every picture but a black one. */
const oneObject: Compute = ({ images }) => {
  const raw = Float32Array.from({ length: CELLS * NUMBERS }, (_, i) => NO_BOX[i % NUMBERS]!)
  const [row, column] = [3, 6] // of the 13 x 13 cells of 32 pixels
  const at = NUMBERS * (52 ** 2 + 26 ** 2 + row * 13 + column)
  if (floatData(images)[0]! > 0) raw.set([0.5, 0.5, Math.log(2), Math.log(4), 0.9, 0.1, 0.8], at)
  return { output: floats([1, CELLS, NUMBERS], raw) }
}
const detector: MemoryFile = { bytes: Uint8Array.of(1), inputName: 'images', compute: oneObject }

const colours = {
  red: { width: 8, height: 4, rgb: [200, 0, 10] },
  blue: { width: 8, height: 4, rgb: [4, 0, 90] },
  black: { width: 8, height: 4, rgb: [0, 0, 0] },
}
const files = { 'tiny.onnx': network, 'yolox.onnx': detector }
const images = ['red', 'gone', 'blue'].map((path) => ({ id: `id-${path}`, path }))

describe('vision on an engine that is not Node', () => {
  let sink: MemorySink
  beforeEach(() => {
    sink = new MemorySink()
  })

  test('extractFeatures() stores the features of pictures and names those that cannot be read', async () => {
    const engine = new MemoryEngine(colours, files, [shapes, network])
    const { pictures } = engine
    const cnn = await openNetwork(engine, 'tiny.onnx', { normalisation: RGB255 })
    expect(cnn).toMatchObject({ name: 'memory:tiny.onnx', layer: 'cells', regions: 6, columns: 3, size: 2 })
    const { made, kept } = await extractFeatures({ images, network: cnn, pictures, store: sink })
    expect({ made, kept }).toEqual({ made: 2, kept: 0 })
    expect(sink.features('id-red')).toEqual(Array.from({ length: 6 }, () => [200, 10]).flat())
    expect(sink.features('id-blue')).toEqual(Array.from({ length: 6 }, () => [4, 90]).flat())
    expect(sink.skipped).toEqual([expect.objectContaining({ id: 'id-gone', file: 'gone' })])
    cnn.release()
    expect(engine.released).toBe(2)
  })

  test('RegionFinder detects boxes and pools the feature map inside them', async () => {
    const engine = new MemoryEngine(colours, files, [detector, shapes, network])
    const { pictures } = engine
    const finder = new RegionFinder(
      await openDetector(engine, 'yolox.onnx'),
      await openNetwork(engine, 'tiny.onnx', { normalisation: RGB255 }),
      { pictures, position: true },
    )
    expect(finder.source).toMatchObject({ kind: 'detected', detector: { file: 'memory:yolox.onnx' }, size: 7 })
    const { features, boxes } = await finder.find('red')
    // A box of 64 x 128 pixels around the cell's centre (208, 112); the picture fills 416 x 208 of the square.
    const box = [176 / 416, 48 / 208, 240 / 416, 176 / 208]
    for (const [i, edge] of box.entries()) expect(boxes![i]).toBeCloseTo(edge, 6)
    const area = (64 / 416) * (128 / 208)
    for (const [i, value] of [...fromFloat16(features)].entries())
      expect(value).toBeCloseTo([200, 10, ...box, area][i]!, 3)
    await expect(finder.find('black')).rejects.toThrow(ImageError)

    const all = [...images, { id: 'id-black', path: 'black' }]
    expect(await extractRegions({ images: all, finder, store: sink })).toMatchObject({ made: 2, kept: 0 })
    expect([...sink.regions.keys()]).toEqual(['id-red', 'id-blue'])
    expect(sink.skipped.map(({ id }) => id)).toEqual(['id-gone', 'id-black'])
    finder.release()
    expect(engine.released).toBe(3)
  })
})
