import ort from 'onnxruntime-node'
import { expect, test } from 'vitest'
import { elementCount } from '../../src/formats/host-value.ts'
import { input, mul, sub, sum, type Tensor, tanh } from '../../src/graph/index.ts'
import { toOnnx } from '../../src/onnx/export.ts'
import { OnnxImport } from '../../src/onnx/import.ts'
import { PUBLISHED_ADAM } from '../../src/train/optimizer.ts'
import { updates } from '../../src/train/update.ts'
import { normals } from '../support/random.ts'
import { onnxModel, type Stored } from './onnx-models.ts'
import { dependencies, optimized } from './optimized.ts'

// What we rely on ONNX Runtime's graph optimisations to do, and not to do.

const shape = [4, 3]
const w = input('w', shape)
const x = input('x', shape)
const loss = sum(mul(tanh(w), x)) // its value is no part of its gradient

/**
 * Which of the outputs `loss` and `gradientNorm` the new weight depends on once ONNX Runtime has optimised the step.
 */
async function waitsFor(outputs: Readonly<Record<string, Tensor>>): Promise<string[]> {
  const nodes = await optimized(toOnnx(outputs))
  const needed = [...dependencies(nodes, 'next.w')].flatMap(({ output }) => output)
  return ['loss', 'gradientNorm'].filter((name) => needed.includes(name))
}

test('a weight is updated in place only after the loss and the norm, which have read all weights', async () => {
  const parameter = { name: 'w', tensor: w, shape, init: () => new Float32Array(12) }
  const step = updates([parameter], loss, { adam: PUBLISHED_ADAM, clipping: { kind: 'none' } })
  expect(await waitsFor(step)).toEqual(['loss', 'gradientNorm'])
})

test('an update that is not made to wait depends on neither', async () => {
  expect(await waitsFor({ loss, gradientNorm: sum(w), 'next.w': sub(w, mul(x, input('rate', []))) })).toEqual([])
})

test('BatchNormalization is folded into the convolution before it, and keeps its values', async () => {
  const random = normals(3)
  const stored = (...sizes: number[]): Stored => ({ shape: sizes, values: [...random(elementCount(sizes))] })
  const weights = { w: stored(4, 3, 1, 1), scale: stored(4), bias: stored(4), mean: stored(4) }
  const variance = { shape: [4], values: [0.01, 0.5, 1, 20] }
  const model = onnxModel({
    nodes: [
      { type: 'Conv', inputs: ['x', 'w'], output: 'conv' },
      {
        type: 'BatchNormalization',
        inputs: ['conv', 'scale', 'bias', 'mean', 'variance'],
        output: 'y',
        attrs: { epsilon: { float: 0.01 } },
      },
    ],
    stored: { ...weights, variance },
    inputs: { x: [1, 3, 1, 1] },
    output: 'y',
  })
  const network = new OnnxImport(model, 'network "n.onnx"')
  const bytes = toOnnx({ y: network.tensor('y') }, network.weights)
  expect((await optimized(bytes, 'extended')).map(({ opType }) => opType)).toEqual(['Conv'])

  const image = [...random(3)]
  const session = await ort.InferenceSession.create(bytes)
  const y = (await session.run({ x: new ort.Tensor('float32', Float32Array.from(image), [1, 3, 1, 1]) })).y!.data
  for (const [channel, deviation] of variance.values.map((value) => Math.sqrt(value + 0.01)).entries()) {
    const conv = image.reduce((sum, value, i) => sum + value * weights.w.values[3 * channel + i]!, 0)
    const [scale, bias, mean] = [weights.scale, weights.bias, weights.mean].map(({ values }) => values[channel]!)
    expect(y[channel]).toBeCloseTo(((conv - mean!) / deviation) * scale! + bias!, 5)
  }
  await session.release()
})
