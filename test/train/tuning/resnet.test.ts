import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { CompiledGraph } from '../../../src/engine/compiled.ts'
import { floatData } from '../../../src/engine/session.ts'
import { elementCount, floats, ints } from '../../../src/formats/host-value.ts'
import { input, mul, sum } from '../../../src/graph/index.ts'
import { nodeEngine } from '../../../src/hosts/node/engine.ts'
import { TrainingState } from '../../../src/train/state.ts'
import { TuningModel } from '../../../src/train/tuning/tuning-model.ts'
import { gradientName, gradientsOf } from '../../../src/train/update.ts'
import { openTrainable } from '../../../src/vision/networks/trainable.ts'

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/tuning/${name}`, import.meta.url))
const file = fixture('resnet.onnx')
const pytorch: {
  shape: [number, number, number, number]
  features: number[]
  gradients: Record<string, number[]>
} = JSON.parse(await readFile(fixture('resnet.json'), 'utf8'))

const wave = (shape: readonly number[], frequency: number) =>
  floats(
    shape,
    Float32Array.from({ length: elementCount(shape) }, (_, i) => Math.sin(i * frequency)),
  )
const images = wave([2, 3, 32, 32], 0.37)

/** The tuned layers 1 and 2 of the ResNet, fed with what the frozen part computes. */
async function layers1And2() {
  const network = await openTrainable(nodeEngine, file, { width: 32 })
  const model = new TuningModel(network, { freeze: '/pool/MaxPool_output_0', words: 0, wordWeight: 0, dropout: 0 })
  const frozen = await CompiledGraph.load(nodeEngine.runtime, { start: model.start }, network.weights)
  const { start } = await frozen.run({ images })
  frozen.release()
  return { model, network, start: start! }
}

function expectNear(actual: ArrayLike<number>, expected: readonly number[]): void {
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  expect(actual.length).toBe(expected.length)
  for (const [i, value] of expected.entries()) expect(Math.abs(actual[i]! - value)).toBeLessThan(1e-4 * largest)
}

test('the gradients of layers 1 and 2 of a ResNet are those of PyTorch, with batch norm in inference mode', async () => {
  const { model, network, start } = await layers1And2()
  expect([...model.parameters.keys()].sort()).toEqual(Object.keys(pytorch.gradients).sort())
  const map = model.map(model.startInput('float32'))
  const loss = sum(mul(map, input('weights', ['B', ...pytorch.shape.slice(1)])))
  const parameters = [...model.parameters.values()]
  const gradients = gradientsOf(parameters, loss)
  const outputs = Object.fromEntries(parameters.map(({ name }, i) => [gradientName(name), gradients[i]!]))
  const graph = await CompiledGraph.load(nodeEngine.runtime, { map, ...outputs }, network.weights)
  const made = await graph.run({ start, weights: wave(pytorch.shape, 0.21) })
  graph.release()
  expectNear(floatData(made.map), pytorch.features)
  for (const [name, expected] of Object.entries(pytorch.gradients))
    expectNear(floatData(made[gradientName(name)]), expected)
})

test('without a tensor to freeze, all weights but the statistics of batch normalisation are trained', async () => {
  const network = await openTrainable(nodeEngine, file, { width: 32 })
  const { parameters, constants } = new TuningModel(network, { words: 0, wordWeight: 0, dropout: 0 })
  expect(parameters.has('conv1.weight')).toBe(true)
  expect(parameters.has('bn1.bias')).toBe(true)
  expect([...constants.keys()].filter((name) => !/running_(mean|var)$/.test(name))).toEqual([])
})

test('only tensors that the features depend on can be frozen', async () => {
  const network = await openTrainable(nodeEngine, file, { width: 32, layer: '/layer1/relu_1/Relu_output_0' })
  expect(() => network.tensor('/layer2/Add_output_0')).toThrow(/has no tensor "\/layer2\/Add_output_0"/)
})

test('the gradient of the loss is that of finite differences, with a teacher, words and a new layer', async () => {
  const { network, start } = await layers1And2()
  const teacher = { rows: 4, columns: 4, size: 3 }
  const config = { freeze: '/pool/MaxPool_output_0', channels: 5, words: 4, wordWeight: 0.3, dropout: 0.5, teacher }
  const model = new TuningModel(network, config)
  const parameters = [...model.parameters.values()]
  const batch = {
    start,
    imagesTotal: ints(2),
    teacher: wave([2, 16, 3], 0.5),
    teacherMean: floats([3]),
    teacherScale: floats([3], Float32Array.of(1, 2, 3)),
    labels: floats([2, 4], Float32Array.of(1, 0, 0, 1, 0, 1, 0, 0)),
    captioned: floats([2], Float32Array.of(1, 0)),
    captionedTotal: ints(1),
  }
  const { loss } = model.losses({ type: 'float32' })
  const gradients = gradientsOf(parameters, loss)
  const outputs = Object.fromEntries(parameters.map(({ name }, i) => [gradientName(name), gradients[i]!]))
  const graph = await CompiledGraph.load(nodeEngine.runtime, { loss, ...outputs }, model.constants)
  const state = TrainingState.start(parameters, 1)
  const weights = new Map([...state.weights].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]))
  const at = (h: number, along?: ReadonlyMap<string, Float32Array>) =>
    graph.run({
      ...batch,
      ...Object.fromEntries(
        [...weights].map(([name, { shape, data }]) => [
          name,
          floats(shape, along ? data.map((value, i) => value + h * along.get(name)![i]!) : data),
        ]),
      ),
    })
  const made = await at(0)
  // along the gradient itself, where the loss changes most
  const along = new Map(parameters.map(({ name }) => [name, floatData(made[gradientName(name)])]))
  const length = Math.hypot(...[...along.values()].flatMap((gradient) => [...gradient]))
  const unit = new Map([...along].map(([name, gradient]) => [name, gradient.map((value) => value / length)]))
  const h = 2e-3
  const numeric = (floatData((await at(h, unit)).loss)[0]! - floatData((await at(-h, unit)).loss)[0]!) / (2 * h)
  graph.release()
  expect(Math.abs(numeric - length)).toBeLessThan(5e-3 * length)
})
