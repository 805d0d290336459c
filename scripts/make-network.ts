/*
 * Writes network.onnx, the network that comes with the package: the features of a network that "mia cnn tune --cnn
 * centernet" trained, and the logits of the 80 object classes of the detector that it was made from. Each channel is
 * standardised over 2,000 training pictures of a prepared dataset. Large matrices are stored in 8 bits, other weights
 * as float16.
 * Usage: npx tsx scripts/make-network.ts networks/distilled data/photographs pretrained
 */
import { join } from 'node:path'
import * as v from 'valibot'
import { Dataset } from '../src/data/dataset.ts'
import { readJson, writeFileAtomic } from '../src/disk/files.ts'
import { readSafetensors } from '../src/disk/safetensors-file.ts'
import { CompiledGraph } from '../src/engine/compiled.ts'
import { floatData } from '../src/engine/session.ts'
import { UserError } from '../src/errors.ts'
import { toFloat16 } from '../src/formats/float16.ts'
import { floats, type HostValue } from '../src/formats/host-value.ts'
import {
  add,
  cast,
  concat,
  div,
  input,
  inputName,
  log,
  matmul,
  maxPool,
  mul,
  replace,
  reshape,
  sub,
  type Tensor,
  topological,
} from '../src/graph/index.ts'
import { nodeEngine } from '../src/hosts/node/engine.ts'
import { toOnnx } from '../src/onnx/export.ts'
import { TuningModel } from '../src/train/tuning/tuning-model.ts'
import { validate } from '../src/validate.ts'
import { inOrder } from '../src/vision/in-order.ts'
import { averageGrid } from '../src/vision/networks/centernet/average-grid.ts'
import { SIDE, SIZE } from '../src/vision/networks/centernet/grid.ts'
import { centernetFiles, importCenternet } from '../src/vision/networks/centernet/model.ts'
import { trainableCenternet } from '../src/vision/networks/trainable.ts'
import { normalise, RGB255 } from '../src/vision/preprocessing.ts'

/** The detector's confidence in each class, one cell for every 4 x 4 pixels. */
const HEAT_MAP = 'tower_0/keypoints'
/** Cells of the heat map, down and across, of which the highest confidence is kept: the map becomes 10 x 10. */
const WINDOW = [8, 8] as const
/** Added to a confidence and to its complement, so that the logit of 0 and of 1 is finite. */
const MARGIN = 0.005
/** Pictures that the statistics of the channels are measured on. */
const PICTURES = 2000
/** The least standard deviation: dividing by less would amplify the noise of channels that hardly vary. */
const MIN_DEVIATION = 0.02
/** Matrices of fewer numbers stay float16: 8 bits of the early ones change the features most and save little. */
const MIN_INT8 = 40_000
/** Tables of fewer numbers stay float32. */
const MIN_HALVED = 16
const TUNING = v.looseObject({ freeze: v.string(), channels: v.number() })

const [tuned, data, out] = process.argv.slice(2)
if (tuned === undefined || data === undefined || out === undefined)
  throw new UserError(
    'Give a tuned network, a prepared dataset and a folder: npx tsx scripts/make-network.ts networks/distilled data/photographs pretrained',
  )
const { raw, values } = await rawFeatures(tuned)
const size = raw.shape[2] as number
const { means, deviations } = await statistics(data)
values.set('channels.mean', floats([size], means))
values.set('channels.deviation', floats([size], deviations))
const standard = div(sub(raw, input('channels.mean', [size])), input('channels.deviation', [size]))
await writeFileAtomic(join(out, 'network.onnx'), stored(standard))
process.stdout.write(`${join(out, 'network.onnx')}: ${size} channels\n`)

/** The features `[B, SIDE * SIDE, channels]` before they are standardised, and the values of their graph inputs. */
async function rawFeatures(folder: string): Promise<{ raw: Tensor; values: Map<string, HostValue> }> {
  const path = join(folder, 'tuning.json')
  const { freeze, channels } = validate(TUNING, await readJson(path, 'tuning'), path, 'run "mia cnn tune" again')
  const { tensors } = await readSafetensors(join(folder, 'best.safetensors'), 'weights of the tuned network')
  const { json, weights, digest } = await centernetFiles(nodeEngine)
  const centernet = importCenternet(SIZE, json, weights)
  const heatMap = centernet.tensor(HEAT_MAP)
  const network = trainableCenternet(centernet, digest)
  const model = new TuningModel(network, { freeze, channels, words: 0, wordWeight: 0, dropout: 0 })
  const values = new Map<string, HostValue>(network.weights)
  // Tuned weights have the names of those that they began as, which the detector's classes still need.
  const images = input('images', network.images.shape)
  const own = new Map<Tensor, Tensor>([[network.images, images]])
  for (const [name, { tensor, shape }] of model.parameters) {
    own.set(tensor, input(`tuned.${name}`, shape))
    values.set(`tuned.${name}`, floats([...shape], tensors.get(name)!.data as Float32Array))
  }
  const [features, heat] = replace([model.features(model.start), heatMap], own)
  return { raw: concat([features!, cells(logits(heat!), values)], 2), values }
}

/** The logit of the highest confidence in each window of the heat map, `[B, 80, rows, columns]`. */
function logits(heat: Tensor): Tensor {
  const whole = { dilations: [1, 1], before: [0, 0], after: [0, 0], ceil: false } as const
  const highest = maxPool(heat, { kernel: WINDOW, strides: WINDOW, ...whole })
  return log(div(add(highest, MARGIN), sub(1 + MARGIN, highest)))
}

/** Averages a map `[B, C, rows, columns]` over the cells of the grid, `[B, cells, C]`. */
function cells(map: Tensor, values: Map<string, HostValue>): Tensor {
  const [, channels, rows, columns] = map.shape as number[]
  const shape = [SIDE * SIDE, rows! * columns!]
  values.set('classes.grid', floats(shape, averageGrid([SIDE, SIDE], [rows!, columns!])))
  return matmul(input('classes.grid', shape), reshape(map, ['B', channels!, rows! * columns!]), { transB: true })
}

/** The mean and standard deviation of each channel over the cells of training pictures, evenly chosen. */
async function statistics(folder: string): Promise<{ means: Float32Array; deviations: Float32Array }> {
  const dataset = await Dataset.open(folder)
  const train = dataset.split('train')
  const count = Math.min(PICTURES, train.length)
  const chosen = Array.from({ length: count }, (_, i) => train[Math.floor((i * train.length) / count)]!)
  const graph = await CompiledGraph.load(nodeEngine.runtime, { raw }, values)
  const preprocessing = { width: SIZE, height: SIZE, ...RGB255 }
  const planes = new Float32Array(3 * SIZE * SIZE)
  const [sums, squares] = [new Float64Array(size), new Float64Array(size)]
  const decode = (image: (typeof chosen)[number]) => nodeEngine.pictures.decode(dataset.imagePath(image), preprocessing)
  for await (const pixels of inOrder(chosen, decode, 8)) {
    normalise(pixels, preprocessing, planes)
    const found = await graph.run({ images: floats([1, 3, SIZE, SIZE], planes) })
    for (const [i, value] of floatData(found.raw).entries()) {
      sums[i % size]! += value
      squares[i % size]! += value * value
    }
  }
  graph.release()
  const means = sums.map((sum) => sum / (count * SIDE * SIDE))
  const deviations = squares.map((square, i) =>
    Math.max(MIN_DEVIATION, Math.sqrt(Math.max(0, square / (count * SIDE * SIDE) - means[i]! ** 2))),
  )
  return { means: Float32Array.from(means), deviations: Float32Array.from(deviations) }
}

/** The ONNX model of a network, with its weights in 8 bits and float16. */
function stored(regions: Tensor): Uint8Array {
  const kept = new Map<string, HostValue>()
  const widened = new Map<Tensor, Tensor>()
  for (const {
    outputs: [tensor],
  } of topological([regions])) {
    const name = tensor && inputName(tensor)
    const value = name === undefined ? undefined : values.get(name)
    if (value === undefined) continue
    if (value.dtype !== 'float32' || value.data.length < MIN_HALVED) kept.set(name!, value)
    else if (value.data.length >= MIN_INT8 && name !== 'classes.grid') widened.set(tensor!, int8(name!, value, kept))
    else {
      kept.set(name!, { dtype: 'float16', shape: value.shape, data: toFloat16(value.data as Float32Array) })
      widened.set(tensor!, cast(input(name!, value.shape, 'float16'), 'float32'))
    }
  }
  const [result] = replace([regions], widened)
  return toOnnx({ regions: result! }, kept)
}

/** A matrix in 8 bits with a scale for each output channel: the next to last axis of HWIO depthwise weights. */
function int8(name: string, { shape, data }: HostValue, kept: Map<string, HostValue>): Tensor {
  const axis = shape.length === 4 ? (shape[3] === 1 ? 2 : 3) : 0
  const inner = shape.slice(axis + 1).reduce((product, side) => product * side, 1)
  const channelOf = (i: number): number => Math.floor(i / inner) % shape[axis]!
  const scales = new Float32Array(shape[axis]!)
  const weights = data as Float32Array
  for (const [i, weight] of weights.entries())
    scales[channelOf(i)] = Math.max(scales[channelOf(i)]!, Math.abs(weight) / 127)
  const bytes = Uint8Array.from(weights, (weight, i) => Math.round(weight / (scales[channelOf(i)] || 1)) + 128)
  const along = shape.map((side, i) => (i === axis ? side : 1))
  kept.set(name, { dtype: 'uint8', shape, data: bytes })
  kept.set(`${name}.scale`, floats(along, scales))
  return mul(sub(cast(input(name, shape, 'uint8'), 'float32'), 128), input(`${name}.scale`, along))
}
