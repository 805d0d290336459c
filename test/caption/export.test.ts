import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { type ExportedCaptioner, exportCaptioner } from '../../src/caption/export.ts'
import { openRun } from '../../src/disk/run.ts'
import { floatData } from '../../src/engine/session.ts'
import { UserError } from '../../src/errors.ts'
import { arrayOf, elementCount, type HostValue } from '../../src/formats/host-value.ts'
import { nodeEngine } from '../../src/hosts/node/engine.ts'
import { PRETRAINED } from '../../src/hosts/node/pretrained.ts'
import { opsetOf, readModel } from '../../src/onnx/file.ts'
import { type FeatureSource, type GridSource, sourceOf } from '../../src/vision/feature-source.ts'
import { openNetwork } from '../../src/vision/open.ts'
import { network } from '../cli/small-world.ts'
import { onnxModel } from '../onnx/onnx-models.ts'
import { temporaryFolder } from '../support/folder.ts'
import { smallCaptioner } from '../support/trained-small-run.ts'

const BOTTOM_UP: FeatureSource = { kind: 'bottom-up', regions: 5, size: 6 }

/** Writes a network; returns its path and the source of its features. */
async function openSmallNetwork(bytes: Uint8Array): Promise<{ path: string; source: GridSource }> {
  const path = join(await temporaryFolder(), 'network.onnx')
  await writeFile(path, bytes)
  const opened = await openNetwork(nodeEngine, path)
  opened.release()
  return { path, source: sourceOf(opened) }
}

let exported: ExportedCaptioner
beforeAll(async () => {
  exported = await exportCaptioner(nodeEngine, await openRun(PRETRAINED))
})

/** Values of ones for the inputs that a description lists, with 1 for each size that is open. */
const ones = (ports: ExportedCaptioner['config']['step']): Record<string, HostValue> =>
  Object.fromEntries(
    ports.inputs.map(({ name, type, shape }) => {
      const sizes = shape.map((size) => (typeof size === 'number' ? size : 1))
      const fill = ['parents', 'images'].includes(name) ? 0 : 1
      const data = (new (arrayOf(type))(elementCount(sizes)) as Float32Array).fill(fill)
      return [name, { dtype: type, shape: sizes, data } as HostValue]
    }),
  )

test('each model is ONNX of operator set 18 that runs alone on the inputs of config.json and returns its outputs', async () => {
  const { config, models } = exported
  expect([...models.keys()]).toEqual(['network.onnx', 'concepts.onnx', 'encoder.onnx', 'step.onnx'])
  for (const ports of [config.network!, config.concepts!, config.encoder, config.step]) {
    const bytes = models.get(ports.file)!
    expect(opsetOf(readModel(bytes))).toBe(18)
    const session = await nodeEngine.runtime.load(bytes)
    const outputs = await session.run(ones(ports))
    session.release()
    expect([...session.inputNames].sort()).toEqual(ports.inputs.map(({ name }) => name).sort())
    const found = Object.entries(outputs).map(([name, { dtype, shape }]) => ({ name, type: dtype, shape }))
    const open = (size: number | string) => (typeof size === 'number' ? size : 1)
    expect(found).toEqual(ports.outputs.map((port) => ({ ...port, shape: port.shape.map(open) })))
  }
})

test('a step returns the probabilities of all words, which sum to 1 with those of the words that are never said', async () => {
  const session = await nodeEngine.runtime.load(exported.models.get('step.onnx')!)
  const { logProbs } = await session.run(ones(exported.config.step))
  session.release()
  const values = floatData(logProbs)
  expect(values).toHaveLength(exported.words.length)
  const { pad, start, unknown } = exported.config.tokens
  for (const id of [pad, start, unknown]) expect(values[id]).toBe(-Infinity)
  const sum = values.reduce((total, value) => total + Math.exp(value), 0)
  expect(sum).toBeGreaterThan(0.5)
  expect(sum).toBeLessThanOrEqual(1.0001)
})

test('concepts are ids of the captions’ vocabulary, not of the detector’s list of words', async () => {
  const captioner = await openRun(PRETRAINED)
  const session = await nodeEngine.runtime.load(exported.models.get('concepts.onnx')!)
  const { concepts, scores } = await session.run(ones(exported.config.concepts!))
  session.release()
  const words = Array.from(concepts!.data as Int32Array, (id) => exported.words[id % exported.words.length]!)
  for (const word of words) expect([...captioner.detector!.info.words, '<unk>']).toContain(word)
  expect(words.filter((word) => word === '<unk>').length).toBeLessThan(words.length / 2)
  const confidences = [...floatData(scores)]
  expect(confidences).toEqual([...confidences].sort((a, b) => b - a))
})

test('a model without concepts has no concepts.onnx, and bottom-up features have no network.onnx', async () => {
  const { config, models } = await exportCaptioner(nodeEngine, smallCaptioner(BOTTOM_UP))
  expect([...models.keys()]).toEqual(['encoder.onnx', 'step.onnx'])
  expect(config.encoder.inputs).toEqual([{ name: 'features', type: 'float32', shape: ['B', 5, 6] }])
  expect(config).not.toHaveProperty('image')
  expect(config).not.toHaveProperty('terms')
})

test('detected regions are refused: no exported model detects boxes', async () => {
  const { preprocessing } = (await openSmallNetwork(network())).source
  const detected: FeatureSource = {
    kind: 'detected',
    detector: { file: 'builtin', sha256: '0' },
    position: false,
    network: { file: 'builtin', sha256: '0' },
    layer: 'features',
    preprocessing,
    regions: 5,
    size: 6,
  }
  await expect(exportCaptioner(nodeEngine, smallCaptioner(detected))).rejects.toThrow(
    /^Cannot export run "runs\/small": its regions are boxes of an object detector/,
  )
})

test('the network is the one that the run was trained with; another is refused', async () => {
  const trained = smallCaptioner((await openSmallNetwork(network())).source)
  const { config, models } = await exportCaptioner(nodeEngine, trained)
  expect(config.network!.inputs).toEqual([{ name: 'x', type: 'float32', shape: [1, 3, 16, 16] }])
  expect(config.image).toMatchObject({ width: 16, height: 16, channels: 'RGB' })
  expect(models.has('network.onnx')).toBe(true)
  const other = await openSmallNetwork(network(2))
  await expect(exportCaptioner(nodeEngine, trained, { cnn: other.path })).rejects.toThrow(UserError)
})

test('a network of two pictures at a time is refused', async () => {
  const attrs = { kernel_shape: [8, 8], strides: [8, 8] }
  const pairs = onnxModel({
    nodes: [{ type: 'Conv', inputs: ['x', 'w'], output: 'features', attrs }],
    stored: { w: { shape: [6, 3, 8, 8], values: Array(6 * 3 * 64).fill(0.1) } },
    output: 'features',
    inputs: { x: [2, 3, 16, 16] },
  })
  const trained = smallCaptioner((await openSmallNetwork(pairs)).source)
  await expect(exportCaptioner(nodeEngine, trained)).rejects.toThrow('takes 2 pictures at a time')
})
