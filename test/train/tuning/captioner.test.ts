// A captioner that is tuned together with the network whose features it reads.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Dataset } from '../../../src/data/dataset.ts'
import { readCheckpoint } from '../../../src/disk/checkpoint.ts'
import { openRun } from '../../../src/disk/run.ts'
import { readSafetensors } from '../../../src/disk/safetensors-file.ts'
import { CompiledGraph } from '../../../src/engine/compiled.ts'
import { floatData, type HostValues } from '../../../src/engine/session.ts'
import { floats, ints } from '../../../src/formats/host-value.ts'
import { nodeEngine } from '../../../src/hosts/node/engine.ts'
import { nodePictures } from '../../../src/hosts/node/pictures.ts'
import { crossEntropy } from '../../../src/train/objectives/cross-entropy.ts'
import { packCaptions } from '../../../src/train/pack-captions.ts'
import { captionLoss } from '../../../src/train/step.ts'
import { openCaptionerToTune, tuningWeights } from '../../../src/train/tuning/captioner-to-tune.ts'
import { FrozenPart } from '../../../src/train/tuning/frozen-part.ts'
import { TuningBatches } from '../../../src/train/tuning/tuning-batches.ts'
import { TuningModel } from '../../../src/train/tuning/tuning-model.ts'
import type { TuningOptions } from '../../../src/train/tuning/tuning-options.ts'
import { tuningPictures } from '../../../src/train/tuning/tuning-pictures.ts'
import { LiveViews, type TuningPicture } from '../../../src/train/tuning/views.ts'
import { gradientName, gradientsOf } from '../../../src/train/update.ts'
import { sourceOf } from '../../../src/vision/feature-source.ts'
import { openTrainable } from '../../../src/vision/networks/trainable.ts'
import { openNetwork } from '../../../src/vision/open.ts'
import { normalise } from '../../../src/vision/preprocessing.ts'
import { mia } from '../../cli/mia.ts'
import { makeSmallWorld } from '../../cli/small-world.ts'
import { FREEZE, resnet, tuneResnet } from './tune.ts'

let folder: string
let data: string
let run: string
/** A captioner with MIA, trained for one epoch on the ResNet's features of 25 drawn pictures. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mia-together-'))
  ;[data, run] = [join(folder, 'data'), join(folder, 'run')]
  await makeSmallWorld(folder)
  const small =
    '--hidden-size 16 --num-heads 2 --inner-size 16 --attention-size 8 --batch-size 10 --captions-per-image 2'
  for (const line of [
    `prepare flickr8k --root ${folder} --min-count 2 --out ${data}`,
    `features --data ${data} --cnn ${resnet}`,
    `concepts train --data ${data} --epochs 1`,
    `concepts detect --data ${data}`,
    `train --data ${data} --mia --epochs 1 --out ${run} ${small}`,
  ]) {
    const { status, stderr } = await mia(line.split(' '))
    expect(status, stderr).toBe(0)
  }
}, 60_000)
afterAll(() => rm(folder, { recursive: true }))

type Changes = Partial<TuningOptions> & { readonly stopAfter?: number }

/** Tunes layers 1 and 2 of the ResNet with the captioner, and aborts after some steps. */
const tune = (out: string, changes: Changes = {}) =>
  tuneResnet({ data: [data], captioner: run, out: join(folder, out), ...changes })

/** The joint model with the run's weights, and the inputs of its loss for three validation pictures. */
async function together() {
  const network = await openTrainable(nodeEngine, resnet)
  const opened = await openNetwork(nodeEngine, resnet)
  const captioner = await openCaptionerToTune(run, data, sourceOf(opened))
  opened.release()
  const pictures = await tuningPictures({ data: [data], images: [] }, captioner)
  const { model: config } = captioner.config
  const head = { model: config, captionsPerImage: 2, labelSmoothing: 0.1 }
  const { length: words } = pictures.words
  const model = new TuningModel(
    network,
    { freeze: FREEZE, captioner: head, words, wordWeight: 0.01, dropout: 0.5 },
    tuningWeights(captioner),
  )
  const frozen = await FrozenPart.load(nodeEngine.runtime, network, FREEZE, model.start)
  const batches = await TuningBatches.open(model, pictures, new LiveViews(nodePictures, { frozen }), [])
  const views = pictures.val.slice(3, 6).map((picture) => ({ picture, number: 0 }))
  const values = await batches.read(views)
  const steps = batches.stepsOf(views)
  frozen.release()
  return { network, captioner, model, pictures, views, values, steps }
}

test('the gradient of the loss of the captions is that of finite differences, in the network and in the captioner', async () => {
  const { model, network, values, steps } = await together()
  const parameters = [...model.parameters.values()]
  const { loss } = model.losses({ type: 'float32', steps })
  const gradients = gradientsOf(parameters, loss)
  const outputs = Object.fromEntries(parameters.map(({ name }, i) => [gradientName(name), gradients[i]!]))
  const graph = await CompiledGraph.load(nodeEngine.runtime, { loss, ...outputs }, model.constants)
  const weights = parameters.map(({ name, shape, init }) => ({
    name,
    shape,
    data: init(shape, { normal: () => 0, uniform: () => 0 }),
  }))
  const at = (h: number, along?: ReadonlyMap<string, Float32Array>) =>
    graph.run({
      ...values,
      ...Object.fromEntries(
        weights.map(({ name, shape, data }) => {
          const direction = along?.get(name)
          return [name, floats(shape, direction ? data.map((value, i) => value + h * direction[i]!) : data)]
        }),
      ),
    })
  const made = await at(0)
  for (const isPart of [
    (name: string) => network.weights.has(name),
    (name: string) => name.startsWith('captioner.'),
    (name: string) => name.startsWith('words.'),
  ]) {
    const part = parameters.filter(({ name }) => isPart(name))
    expect(part.length).toBeGreaterThan(1)
    const along = new Map(part.map(({ name }) => [name, floatData(made[gradientName(name)])]))
    const length = Math.hypot(...[...along.values()].flatMap((gradient) => [...gradient]))
    expect(length).toBeGreaterThan(1e-4)
    const unit = new Map([...along].map(([name, gradient]) => [name, gradient.map((value) => value / length)]))
    const h = 5e-3
    const numeric = (floatData((await at(h, unit)).loss)[0]! - floatData((await at(-h, unit)).loss)[0]!) / (2 * h)
    expect(Math.abs(numeric - length)).toBeLessThan(2e-2 * length)
  }
  graph.release()
})

/** The loss of captions as `mia train` computes it, from the features that a network extracts from whole pictures. */
async function lossInTraining(file: string, runFolder: string, images: readonly TuningPicture[]): Promise<number> {
  const { config, weights, model, vocabulary } = await openRun(runFolder)
  const network = await openNetwork(nodeEngine, file)
  const { width, height } = network.input
  const pixels = new Float32Array(images.length * 3 * width * height)
  for (const [i, { path }] of images.entries())
    normalise(
      await nodePictures.decode(path, network.input),
      network.input,
      pixels.subarray(i * 3 * width * height, (i + 1) * 3 * width * height),
    )
  const features = await network.run(pixels, images.length)
  network.release()
  const dataset = await Dataset.open(data)
  const ids = images.map(({ id }) => id.replace('data-1/', ''))
  const captions = ids.flatMap((id) => {
    const { tokens } = dataset.images.find((image) => image.id === id)!
    return tokens.slice(0, 2).map((caption) => vocabulary.encode(caption.split(' ')))
  })
  const steps = 1 + Math.max(...captions.map(({ length }) => length))
  const packed = packCaptions(captions, steps, 2)
  const options = { captions: 2, steps, objective: crossEntropy(0.1), featureType: 'float32' } as const
  const graph = await CompiledGraph.load(nodeEngine.runtime, { loss: captionLoss(model, options) }, weights)
  const { regions, featureSize, concepts } = config.model
  const values: HostValues = {
    features: floats([images.length, regions, featureSize], features),
    concepts: ints(Int32Array.from(images.flatMap(({ captioned }) => [...captioned!.concepts])), [
      images.length,
      concepts,
    ]),
    words: ints(packed.inputs, [steps, captions.length]),
    targets: ints(packed.targets),
    positions: ints(packed.positions),
  }
  const { loss } = await graph.run(values)
  graph.release()
  return floatData(loss)[0]!
}

test('the loss of the captions is that of training on the features of the same pictures', async () => {
  const { model, values, steps, views } = await together()
  const { captions } = model.losses({ type: 'float32', steps })
  const graph = await CompiledGraph.load(nodeEngine.runtime, { captions: captions! }, model.constants)
  const initial = Object.fromEntries(
    [...model.parameters.values()].map(({ name, shape, init }) => [
      name,
      floats(shape, init(shape, { normal: () => 0, uniform: () => 0 })),
    ]),
  )
  const made = await graph.run({ ...values, ...initial })
  graph.release()
  const expected = await lossInTraining(
    resnet,
    run,
    views.map(({ picture }) => picture),
  )
  expect(floatData(made.captions)[0]).toBeCloseTo(expected, 5)
})

test('network and captioner learn together, and what is written computes what was validated', async () => {
  const { before, epochs, tuned } = await tune('learned', { epochs: 15 })
  const { pictures } = await together()
  expect(before!.captions).toBeCloseTo(await lossInTraining(resnet, run, pictures.val), 5)
  expect(epochs.at(-1)!.captions).toBeLessThan(0.8 * epochs[0]!.captions!)
  const best = epochs[tuned!.bestEpoch - 1]!
  const loss = await lossInTraining(tuned!.file, tuned!.captioner!, pictures.val)
  expect(Math.abs(loss - best.captions!)).toBeLessThan(0.01 * loss)
  const { weights } = await openTrainable(nodeEngine, resnet)
  const { tensors } = await readSafetensors(join(folder, 'learned/best.safetensors'), 'weights')
  const trained = [...tensors].filter(([name]) => weights.has(name))
  expect(trained).toHaveLength(tuned!.trainedWeights)
  for (const [name, { data }] of trained) expect(data).not.toEqual(weights.get(name)!.data)
  const { info } = (await openRun(tuned!.captioner!)).detector!
  expect(info.meanAveragePrecision).toBeCloseTo(best.meanAveragePrecision!, 6)
  const said = await mia(['caption', '--run', tuned!.captioner!, join(folder, 'images/dev_red_blue.jpg'), '--quiet'])
  expect(said.status, said.stderr).toBe(0)
  expect(said.stdout).toMatch(/\b(red|blue|over|something)\b.*\n +confidence/)
})

test('with features of the tuned network the captioner is tested, compared and trained on', async () => {
  const { tuned } = await tune('used', { epochs: 1 })
  const { file, captioner, captionerData } = tuned!
  const call = async (line: string) => {
    const { status, stdout, stderr } = await mia(line.split(' '))
    expect(status, stderr).toBe(0)
    return { stdout, stderr }
  }
  const features = `features --data ${captionerData} --cnn ${file}`
  const { stderr } = await call(`${features} --split val`)
  expect(stderr).toContain(`mia concepts detect --data ${captionerData}`)
  await call(`concepts detect --data ${captionerData}`)
  await call(`test --run ${captioner} --split val`)
  const { stdout } = await call(`compare ${run} ${captioner} --samples 20 --json`)
  const { images, differences } = JSON.parse(stdout)
  const dataset = await Dataset.open(data)
  const count = dataset.split('val').length
  expect(images).toBe(count)
  expect(differences.map(({ name }: { name: string }) => name)).toEqual(['data', 'from'])
  const rest = JSON.parse((await call(`${features} --json`)).stdout)
  expect(rest).toMatchObject({ kept: count, made: dataset.images.length - count })
  await call(`concepts detect --data ${captionerData}`)
  await call(`train --data ${captionerData} --from ${captioner} --epochs 1 --batch-size 10 --out ${join(folder, 'on')}`)
})

const FILES = [
  'checkpoint.safetensors',
  'best.safetensors',
  'network.onnx',
  'captioner/weights.safetensors',
  'captioner/vocabulary.json',
]
const made = (out: string) => Promise.all(FILES.map((name) => readFile(join(folder, out, name))))

test.each([
  ['new crops at each step', {}],
  ['stored views and gradients that are accumulated', { storedViews: 2, imagesAtOnce: 4, newLayersFirst: 1 }],
])('with %s, a tuning that was interrupted has the bytes of one that was not', async (name, changes: Changes) => {
  const [whole, parts] = [`whole ${name}`, `parts ${name}`]
  const { tuned } = await tune(whole, changes)
  expect((await tune(parts, { ...changes, stopAfter: 2 })).tuned).toBeUndefined()
  const second = await tune(parts, { ...changes, stopAfter: 5 })
  expect(second.epochs.map(({ epoch }) => epoch)).toEqual([1])
  expect(second.before).toBeUndefined() // it is measured once
  const { file, captioner, captionerData, ...last } = (await tune(parts, changes)).tuned!
  expect({ ...tuned, ...last }).toEqual(tuned)
  const written = ['network.onnx', 'captioner', 'data'].map((name) => join(folder, parts, name))
  expect([file, captioner, captionerData]).toEqual(written)
  expect(await made(parts)).toEqual(await made(whole))
  const [a, b] = await Promise.all([whole, parts].map((out) => openRun(join(folder, out, 'captioner'))))
  expect(b!.detector!.weights).toEqual(a!.detector!.weights)
})

test('a captioner whose run averages its weights goes on so, also after a resume, and its network with it', async () => {
  const averaging = join(folder, 'averaging')
  await cp(run, averaging, { recursive: true })
  const config = JSON.parse(await readFile(join(run, 'config.json'), 'utf8'))
  config.training.emaDecay = 0.9
  await writeFile(join(averaging, 'config.json'), JSON.stringify(config))
  const epochs = 7 // 21 steps: the average follows each of the first ten, then every tenth
  const stateOf = async (out: string) => ({
    kept: (await readSafetensors(join(folder, out, 'best.safetensors'), 'weights')).tensors,
    checkpoint: await readCheckpoint(join(folder, out, 'checkpoint.safetensors')),
  })
  await tune('plain', { epochs })
  const { tuned } = await tune('averaged', { epochs, captioner: averaging })
  await tune('stopped', { epochs, captioner: averaging, stopAfter: 13 })
  await tune('stopped', { epochs, captioner: averaging })
  const [plain, averaged, stopped] = [await stateOf('plain'), await stateOf('averaged'), await stateOf('stopped')]
  expect(averaged.checkpoint.weights).toEqual(plain.checkpoint.weights)
  expect(plain.checkpoint.averages).toBeUndefined()
  expect(tuned!.bestEpoch).toBe(epochs)
  for (const [name, { data }] of averaged.kept)
    expect(data, name).toEqual(averaged.checkpoint.averages!.get(name)!.data)
  const { weights } = await openTrainable(nodeEngine, resnet)
  const differing = [...averaged.kept.keys()].filter(
    (name) => !Buffer.from(averaged.kept.get(name)!.data.buffer).equals(Buffer.from(plain.kept.get(name)!.data.buffer)),
  )
  expect(differing.some((name) => weights.has(name))).toBe(true)
  expect(differing.some((name) => !weights.has(name))).toBe(true)
  expect([...stopped.kept]).toEqual([...averaged.kept])
})

test('a batch in parts trains as the whole batch does, dropout included', async () => {
  const whole = await tune('all at once', { storedViews: 1 })
  const parts = await tune('three at once', { storedViews: 1, imagesAtOnce: 3 })
  for (const [i, { trainingLoss, captions }] of whole.epochs.entries()) {
    expect(parts.epochs[i]!.trainingLoss!).toBeCloseTo(trainingLoss!, 3)
    expect(parts.epochs[i]!.captions!).toBeCloseTo(captions!, 3)
  }
})

test('a captioner on the features of another layer is refused', async () => {
  const network = { file: resnet, options: { layer: '/layer1/relu_1/Relu_output_0' } }
  await expect(tune('refused', { network })).rejects.toThrow(
    /Cannot tune the captioner ".*run" with this network: it reads .* and the network gives .*layer1/,
  )
})

test('a captioner on the features of the built-in network is refused, with what to do', async () => {
  const builtin = join(folder, 'builtin')
  await cp(run, builtin, { recursive: true })
  const path = join(builtin, 'config.json')
  const config = JSON.parse(await readFile(path, 'utf8'))
  config.features.network.file = 'builtin'
  await writeFile(path, JSON.stringify(config))
  await expect(tune('refused', { captioner: builtin })).rejects.toThrow('weights have 8 bits; train a captioner on')
})

test('a dataset with other words than the captioner is refused', async () => {
  const other = join(folder, 'other')
  await mia(['prepare', 'flickr8k', '--root', folder, '--min-count', '26', '--out', other])
  await expect(tune('refused', { data: [other] })).rejects.toThrow(
    /Cannot tune the captioner ".*run" on dataset ".*other": their vocabularies differ \(it has \d+ words/,
  )
})
