import { expect, test } from 'vitest'
import { input, mul, sub, sum, type Tensor, tanh } from '../../src/graph/index.ts'
import { toOnnx } from '../../src/onnx/export.ts'
import { OnnxImport } from '../../src/onnx/import.ts'
import { PUBLISHED_ADAM } from '../../src/train/optimizer.ts'
import { updates } from '../../src/train/update.ts'
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

test('BatchNormalization is folded into the convolution before it', async () => {
  const stored = (...sizes: number[]): Stored => ({
    shape: sizes,
    values: Array.from({ length: sizes.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i) + 1.5),
  })
  const model = onnxModel({
    nodes: [
      { type: 'Conv', inputs: ['x', 'w'], output: 'conv' },
      { type: 'BatchNormalization', inputs: ['conv', 'scale', 'bias', 'mean', 'variance'], output: 'y' },
    ],
    stored: { w: stored(4, 3, 3, 3), scale: stored(4), bias: stored(4), mean: stored(4), variance: stored(4) },
    output: 'y',
  })
  const network = new OnnxImport(model, 'network "n.onnx"')
  const nodes = await optimized(toOnnx({ y: network.tensor('y') }, network.weights), 'extended')
  expect(nodes.map(({ opType }) => opType)).toEqual(['Conv'])
})
