/*
 * Writes src/vision/networks/centernet/channels.ts: the mean and standard deviation of each channel of the built-in
 * network, over the first 2,000 training pictures of a prepared dataset.
 * Usage: npx tsx scripts/measure-channels.ts data/flickr8k
 */
import { fileURLToPath } from 'node:url'
import { Dataset } from '../src/data/dataset.ts'
import { writeFileAtomic } from '../src/disk/files.ts'
import { floatData } from '../src/engine/session.ts'
import { UserError } from '../src/errors.ts'
import { toFloat16 } from '../src/formats/float16.ts'
import { floats } from '../src/formats/host-value.ts'
import { nodeEngine } from '../src/hosts/node/engine.ts'
import { inOrder } from '../src/vision/in-order.ts'
import { grid, SIZE } from '../src/vision/networks/centernet/grid.ts'
import { INPUT, openPart } from '../src/vision/networks/centernet/model.ts'
import { normalise, RGB255 } from '../src/vision/preprocessing.ts'
import { counted } from '../src/wording.ts'

const PICTURES = 2000
/** The least standard deviation: dividing by less would amplify the noise of channels that hardly vary. */
const MIN_DEVIATION = 0.02
const TARGET = fileURLToPath(new URL('../src/vision/networks/centernet/channels.ts', import.meta.url))

const [data] = process.argv.slice(2)
if (data === undefined)
  throw new UserError('Give a prepared dataset: npx tsx scripts/measure-channels.ts data/flickr8k')
const dataset = await Dataset.open(data)
const images = dataset.split('train').slice(0, PICTURES)
const { session } = await openPart(nodeEngine, {
  name: 'raw',
  size: SIZE,
  recipe: {},
  outputs: (node, keep) => ({ regions: grid(node, keep) }),
})

const preprocessing = { width: SIZE, height: SIZE, ...RGB255 }
const planes = new Float32Array(3 * SIZE * SIZE)
let [sums, squares]: Float64Array[] = []
let count = 0
for await (const pixels of inOrder(
  images,
  (image) => nodeEngine.pictures.decode(dataset.imagePath(image), preprocessing),
  8,
)) {
  normalise(pixels, preprocessing, planes)
  const { regions } = await session.run({ [INPUT]: floats([1, 3, SIZE, SIZE], planes) })
  const [, cells, channels] = regions!.shape as [number, number, number]
  sums ??= new Float64Array(channels)
  squares ??= new Float64Array(channels)
  for (const [i, value] of floatData(regions).entries()) {
    sums[i % channels]! += value
    squares[i % channels]! += value * value
  }
  count += cells
}
session.release()

const means = sums!.map((sum) => sum / count)
const deviations = squares!.map((square, i) =>
  Math.max(MIN_DEVIATION, Math.sqrt(Math.max(0, square / count - means[i]! ** 2))),
)
const halves = (values: Float64Array): string =>
  Buffer.from(toFloat16(Float32Array.from(values)).buffer).toString('base64')
await writeFileAtomic(
  TARGET,
  `// Written by scripts/measure-channels.ts, do not edit. Statistics of the channels of grid.ts over the cells of
// ${counted(images.length, 'training picture')} of ${dataset.header.name}, as base64 of little-endian float16.

/** The mean of each channel. */
export const MEANS =
  '${halves(means)}'

/** The standard deviation of each channel. */
export const DEVIATIONS =
  '${halves(deviations)}'
`,
)
process.stdout.write(`${TARGET}: ${means.length} channels\n`)
