/*
 * Writes src/vision/builtin/channels.ts, the mean and deviation of each channel of the built-in network over photographs, from the first 2,000 training
 * pictures of a prepared dataset: `npx tsx scripts/measure-channels.ts data/flickr8k`.
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
import { grid, SIZE } from '../src/vision/networks/builtin/grid.ts'
import { INPUT, openPart } from '../src/vision/networks/builtin/model.ts'
import { normalise, rgb255 } from '../src/vision/preprocessing.ts'

const PICTURES = 2000
/** Of channels that are the same everywhere: what they hardly say is not made loud. */
const LEAST = 0.02
const TARGET = fileURLToPath(new URL('../src/vision/networks/builtin/channels.ts', import.meta.url))

const [data] = process.argv.slice(2)
if (data === undefined) throw new UserError('Say which dataset: npx tsx scripts/measure-channels.ts data/flickr8k')
const dataset = await Dataset.open(data)
const images = dataset.split('train').slice(0, PICTURES)
const { session } = await openPart(nodeEngine, {
  name: 'raw',
  size: SIZE,
  recipe: {},
  outputs: (node, keep) => ({ regions: grid(node, keep) }),
})

const preprocessing = { width: SIZE, height: SIZE, ...rgb255 }
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
const deviations = squares!.map((square, i) => Math.max(LEAST, Math.sqrt(Math.max(0, square / count - means[i]! ** 2))))
const halves = (values: Float64Array): string =>
  Buffer.from(toFloat16(Float32Array.from(values)).buffer).toString('base64')
await writeFileAtomic(
  TARGET,
  `// Made by scripts/measure-channels.ts; not to be edited. Over the cells of ${images.length.toLocaleString('en')} photographs of ${dataset.header.name}'s training images,
// each channel of grid.ts: float16 bits in base64.

/** Means. */
export const MEANS =
  '${halves(means)}'

/** Standard deviations. */
export const DEVIATIONS =
  '${halves(deviations)}'
`,
)
process.stdout.write(`${TARGET}: ${means.length} channels\n`)
