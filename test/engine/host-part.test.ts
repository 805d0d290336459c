import { fromBinary } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { sizeFeeds, splitHostPart } from '../../src/engine/host-part.ts'
import { floatData, type HostValues, type Session } from '../../src/engine/session.ts'
import { floats, type HostValue, ints } from '../../src/formats/host-value.ts'
import { add, bitXor, cast, constant, expand, input, mul, reshape, sum, type Tensor } from '../../src/graph/index.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import type { BasicModelName } from '../../src/models/basic-models.ts'
import { Noise } from '../../src/nn/noise.ts'
import { toOnnx } from '../../src/onnx/export.ts'
import { ModelProtoSchema } from '../../src/onnx/pb.ts'
import { crossEntropy } from '../../src/train/objectives/cross-entropy.ts'
import { PUBLISHED_ADAM } from '../../src/train/optimizer.ts'
import { samplerModel } from '../../src/train/sampling.ts'
import { TrainingState } from '../../src/train/state.ts'
import { trainingStep } from '../../src/train/step.ts'
import { CAPTIONS, imagesOf, STEPS, tinyModel } from '../train/word-batch.ts'

const operatorsOf = (model: Uint8Array): Set<string> =>
  new Set(fromBinary(ModelProtoSchema, model).graph!.node.map(({ opType }) => opType))

/** Runs both parts on the processor, one after the other. */
async function runParts(model: Uint8Array, feeds: HostValues): Promise<HostValues> {
  const { device, host } = splitHostPart(model)
  expect(host).toBeDefined()
  for (const operator of ['BitwiseXor', 'BitShift']) expect(operatorsOf(device)).not.toContain(operator)
  const first = await nodeRuntime.load(host!.model)
  const second = await nodeRuntime.load(device)
  const bits = await first.run({ ...taken(first, feeds), ...sizeFeeds(host!, (name) => feeds[name]!) })
  return second.run({ ...taken(second, feeds), ...bits })
}

const taken = ({ inputNames }: Session, feeds: HostValues): HostValues =>
  Object.fromEntries(inputNames.flatMap((name) => (feeds[name] ? [[name, feeds[name]]] : [])))

const bytesOf = ({ data, shape }: HostValue) => ({
  shape,
  bytes: Buffer.from(data.buffer, data.byteOffset, data.byteLength),
})

const seeds = { seed: ints(3), step: ints(7) }

test.each<BasicModelName>(['VisualAttention', 'UpDown', 'Transformer'])(
  'a training step of %s in two parts has the same bytes',
  async (name) => {
    const model = tinyModel(name, true)
    const whole = trainingStep(model, {
      captions: CAPTIONS,
      steps: STEPS,
      objective: crossEntropy(0.1),
      adam: PUBLISHED_ADAM,
      clipping: { kind: 'value', limit: 0.1 },
    })
    const { weights, firstMoments, secondMoments } = TrainingState.start([...model.parameters.values()], 1).tensors()
    const values = (tensors: typeof weights, prefix: string): HostValues =>
      Object.fromEntries([...tensors].map(([key, { shape, data }]) => [prefix + key, floats(shape, data)]))
    const feeds = {
      ...imagesOf(),
      ...values(weights, ''),
      ...values(firstMoments, 'adam.first.'),
      ...values(secondMoments, 'adam.second.'),
      ...seeds,
      stepSize: floats([], Float32Array.of(1e-3)),
      epsilon: floats([], Float32Array.of(1e-8)),
    }
    const session = await nodeRuntime.load(whole)
    const expected = await session.run(taken(session, feeds))
    const found = await runParts(whole, feeds)
    expect(Object.keys(found)).toEqual(Object.keys(expected))
    for (const [key, value] of Object.entries(expected)) expect(bytesOf(found[key]!), key).toEqual(bytesOf(value))
  },
)

test('so do the samples of self-critical training', async () => {
  const model = tinyModel('VisualAttention', true)
  const whole = samplerModel(model, { captions: CAPTIONS, steps: STEPS, greedy: false })
  const { weights } = TrainingState.start([...model.parameters.values()], 1)
  const feeds = {
    ...imagesOf(),
    ...Object.fromEntries([...weights].map(([key, { shape, data }]) => [key, floats(shape, data)])),
    ...seeds,
  }
  const session = await nodeRuntime.load(whole)
  const expected = await session.run(taken(session, feeds))
  expect(bytesOf((await runParts(whole, feeds)).words!)).toEqual(bytesOf(expected.words!))
})

test('a model whose bits depend on numbers that may be on the device stays whole', () => {
  const x = input('x', ['B', 4])
  const bits = cast(bitXor(cast(x, 'int32'), constant(5, 'int32')), 'float32')
  expect(splitHostPart(toOnnx({ y: add(bits, 1) })).host).toBeUndefined()
})

test('a model whose outputs are bits stays whole', () => {
  const model = toOnnx({ y: bitXor(input('seed', [], 'int32'), constant(5, 'int32')) })
  expect(splitHostPart(model)).toEqual({ device: model })
})

test('a model without bits or products of sizes stays as it is', () => {
  const model = toOnnx({ y: mul(input('x', ['B', 4]), 2) })
  expect(splitHostPart(model)).toEqual({ device: model })
})

test('products of sizes alone are split off', async () => {
  const x = input('x', ['B', 2])
  const model = toOnnx({ y: expand(reshape(sum(x), [1]), ['3*B']) })
  const { y } = await runParts(model, { x: floats([2, 2], Float32Array.of(1, 2, 3, 4)) })
  expect([...floatData(y)]).toEqual(Array(6).fill(10))
})

test('masks of noise are the same', async () => {
  const noise = new Noise(input('seed', [], 'int32'), input('step', [], 'int32'))
  const x = input('x', ['B', 5])
  const masked: Tensor = mul(x, cast(noise.mask(x.shape, 0.5), 'float32'))
  const model = toOnnx({ y: masked })
  const feeds = { ...seeds, x: floats([40, 5], new Float32Array(200).fill(1)) }
  const session = await nodeRuntime.load(model)
  const expected = floatData((await session.run(taken(session, feeds))).y)
  expect(new Set(expected)).toEqual(new Set([0, 1]))
  expect(floatData((await runParts(model, feeds)).y)).toEqual(expected)
})
