import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { prepare } from '../../../src/data/prepare.ts'
import { readSafetensors } from '../../../src/disk/safetensors-file.ts'
import { CompiledGraph } from '../../../src/engine/compiled.ts'
import { floatData } from '../../../src/engine/session.ts'
import { floats } from '../../../src/formats/host-value.ts'
import { nodeEngine } from '../../../src/hosts/node/engine.ts'
import type { Initializer } from '../../../src/onnx/export.ts'
import { TuningModel } from '../../../src/train/tuning/tuning-model.ts'
import type { TuningOptions } from '../../../src/train/tuning/tuning-options.ts'
import { openTrainable } from '../../../src/vision/networks/trainable.ts'
import { openNetwork } from '../../../src/vision/open.ts'
import { makeSmallWorld } from '../../cli/small-world.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { FREEZE, resnet, tuneResnet } from './tune.ts'

/** A dataset of 25 training and 25 validation pictures of one colour above another. */
async function world(): Promise<string> {
  const folder = await temporaryFolder()
  await makeSmallWorld(folder)
  await prepare({ source: 'flickr8k', root: folder, out: join(folder, 'data'), minCount: 2 })
  return folder
}

type Changes = Partial<TuningOptions> & { readonly stopAfter?: number }

/** Tunes layers 1 and 2 of the ResNet, and aborts after some steps. */
const tune = (folder: string, changes: Changes = {}) =>
  tuneResnet({ data: [join(folder, 'data')], out: join(folder, 'tuned'), ...changes })

const teacher = { file: resnet, options: { layer: '/layer1/relu_1/Relu_output_0' } }
const made = (folder: string) =>
  Promise.all(
    ['checkpoint.safetensors', 'best.safetensors', 'network.onnx', 'preprocessor_config.json'].map((name) =>
      readFile(join(folder, 'tuned', name)),
    ),
  )

test.each([
  ['new crops at each step', {}],
  ['stored views, a teacher and a new layer', { storedViews: 2, teacher, channels: 5, newLayersFirst: 1 }],
  ['gradients that are accumulated', { imagesAtOnce: 4 }],
])('with %s, a tuning that was interrupted has the bytes of one that was not', async (_, changes: Changes) => {
  const [whole, parts] = [await world(), await world()]
  const { tuned } = await tune(whole, changes)
  expect((await tune(parts, { ...changes, stopAfter: 2 })).tuned).toBeUndefined()
  expect((await tune(parts, { ...changes, stopAfter: 5 })).epochs.map(({ epoch }) => epoch)).toEqual([1])
  const last = await tune(parts, changes)
  expect(last.tuned).toEqual({ ...tuned, file: join(parts, 'tuned', 'network.onnx') })
  expect(await made(parts)).toEqual(await made(whole))
})

test('a batch in parts trains as the whole batch does', async () => {
  const folder = await world()
  const whole = await tune(folder, { out: join(folder, 'whole'), storedViews: 1 })
  const parts = await tune(folder, { out: join(folder, 'parts'), storedViews: 1, imagesAtOnce: 3 })
  for (const [i, { trainingLoss, loss }] of whole.epochs.entries()) {
    expect(parts.epochs[i]!.trainingLoss!).toBeCloseTo(trainingLoss!, 3)
    expect(parts.epochs[i]!.loss).toBeCloseTo(loss, 3)
  }
})

test('captions teach a network the colours of pictures', async () => {
  const folder = await world()
  const { epochs, tuned } = await tune(folder, { storedViews: 1, epochs: 40, learningRate: 1e-2, newLearningRate: 0.1 })
  expect(tuned).toMatchObject({ words: 5, trainingPictures: 25, size: 6 })
  expect(epochs.at(-1)!.loss).toBeLessThan(0.7 * epochs[0]!.loss)
  expect(epochs.at(-1)!.meanAveragePrecision).toBeGreaterThan(0.8)
})

test('a teacher is followed, on pictures without captions too', async () => {
  const folder = await world()
  const pictures = Array.from({ length: 50 }, (_, i) =>
    join(folder, 'images', `train_${['red', 'green', 'blue', 'white', 'black'][i % 5]}_green.jpg`),
  )
  const { epochs } = await tune(folder, { data: [], images: [pictures], teacher, epochs: 6, channels: 8 })
  expect(epochs[0]!.meanAveragePrecision).toBeUndefined()
  expect(epochs.at(-1)!.teacher).toBeLessThan(0.5 * epochs[0]!.teacher!)
  expect(epochs.at(-1)!.loss).toBe(epochs.at(-1)!.teacher)
})

test('only the new layers change in the first epochs', async () => {
  const folder = await world()
  const { tuned } = await tune(folder, { epochs: 1, newLayersFirst: 1 })
  const network = await openTrainable(nodeEngine, resnet)
  const { tensors } = await readSafetensors(join(folder, 'tuned', 'best.safetensors'), 'weights')
  expect(tuned!.trainedWeights).toBe(15)
  for (const [name, { data }] of tensors)
    if (!name.startsWith('words.')) expect(data).toEqual(network.weights.get(name)!.data)
})

test('the tuned network is a file that extracts the features that were trained', async () => {
  const folder = await world()
  const { tuned } = await tune(folder, { channels: 5 })
  const written = await openNetwork(nodeEngine, tuned!.file)
  const original = await openTrainable(nodeEngine, resnet)
  expect(written).toMatchObject({ layer: 'features', regions: 16, columns: 4, size: 5, input: original.input })
  const model = new TuningModel(original, { freeze: FREEZE, channels: 5, words: 0, wordWeight: 0, dropout: 0 })
  const { tensors } = await readSafetensors(join(folder, 'tuned', 'best.safetensors'), 'weights')
  const graph = await CompiledGraph.load(
    nodeEngine.runtime,
    { features: model.features(model.start) },
    new Map<string, Initializer>([...model.constants, ...tensors]),
  )
  const images = Float32Array.from({ length: 2 * 3 * 32 * 32 }, (_, i) => Math.sin(i * 0.1))
  const { features } = await graph.run({ images: floats([2, 3, 32, 32], images) })
  graph.release()
  const extracted = await written.run(images, 2)
  const expected = floatData(features)
  expect(extracted.length).toBe(expected.length)
  const largest = Math.max(...expected)
  for (const [i, value] of expected.entries()) expect(Math.abs(extracted[i]! - value)).toBeLessThan(5e-3 * largest)
  written.release()
})

test('a finished tuning does nothing; another seed starts over', async () => {
  const folder = await world()
  const { tuned } = await tune(folder)
  expect(await tune(folder)).toEqual({ epochs: [], tuned })
  expect((await tune(folder, { seed: 2 })).epochs).toHaveLength(2)
})

test('pictures to validate on must be there', async () => {
  const folder = await world()
  const few = { data: [], images: [[join(folder, 'images', 'train_red_green.jpg')]], teacher }
  await expect(tune(folder, few)).rejects.toThrow(/on 1 training and 0 validation pictures.*folder of at least 50/s)
})
