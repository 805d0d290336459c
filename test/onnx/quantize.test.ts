import { fromBinary } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { floatData } from '../../src/engine/session.ts'
import { floats, ints } from '../../src/formats/host-value.ts'
import { gather, input, linear, matmul, type Tensor } from '../../src/graph/index.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { toOnnx } from '../../src/onnx/export.ts'
import { ModelProtoSchema } from '../../src/onnx/pb.ts'
import { quantizeModel } from '../../src/onnx/quantize.ts'
import { normals } from '../support/random.ts'

const [M, K, N] = [5, 256, 300]
const random = normals(7)
const weight = Float32Array.from(random(N * K))
weight.fill(0, 0, K) // a channel without a weight
const bias = Float32Array.from(random(N))
const x = Float32Array.from(random(M * K), (value) => 3 * value + 1)
const stored = new Map([
  ['w', { shape: [N, K], data: weight }],
  ['b', { shape: [N], data: bias }],
])
const w = input('w', [N, K])
const product = { y: linear(input('x', ['M', K]), w, input('b', [N])) }

/**
 * The product as the ONNX standard defines DynamicQuantizeLinear and MatMulInteger, with weights of 8 bits by channel:
 * in whole numbers, written from the standard's text.
 */
function expected(): Float64Array {
  const [low, high] = [Math.min(0, ...x), Math.max(0, ...x)]
  const scale = Math.fround((high - low) / 255)
  const zero = Math.round(-low / scale)
  const integers = Array.from(x, (value) => Math.min(255, Math.max(0, Math.round(value / scale) + zero)))
  return Float64Array.from({ length: M * N }, (_, i) => {
    const [m, n] = [Math.floor(i / N), i % N]
    const channel = weight.subarray(n * K, (n + 1) * K)
    const step = Math.fround(Math.max(...channel.map(Math.abs)) / 127) || 1
    let sum = 0
    for (let k = 0; k < K; k++) sum += (integers[m * K + k]! - zero) * Math.round(channel[k]! / step)
    return sum * scale * step + bias[n]!
  })
}

const run = async (model: Uint8Array, feeds: Parameters<Awaited<ReturnType<typeof nodeRuntime.load>>['run']>[0]) => {
  const session = await nodeRuntime.load(model)
  try {
    return await session.run(feeds)
  } finally {
    session.release()
  }
}
const nodesOf = (model: Uint8Array) => fromBinary(ModelProtoSchema, model).graph!.node.map(({ opType }) => opType)

describe('quantizeModel()', () => {
  test('computes what the ONNX standard defines, within rounding, and is near the product in float32', async () => {
    const model = toOnnx(product, stored)
    const feeds = { x: floats([M, K], x) }
    const quantized = floatData((await run(quantizeModel(model), feeds)).y)
    const exact = floatData((await run(model, feeds)).y)
    const wanted = expected()
    let [error, size] = [0, 0]
    for (const [i, value] of quantized.entries()) {
      expect(Math.abs(value - wanted[i]!)).toBeLessThan(0.25) // an input that is rounded the other way changes a little
      error += (value - exact[i]!) ** 2
      size += exact[i]! ** 2
    }
    expect(Math.sqrt(error / size)).toBeLessThan(0.015)
    expect(Math.sqrt(error / size)).toBeGreaterThan(1e-4) // it was quantised
  })

  test('quantises an input and a weight once for several products, and drops the float32 weight', () => {
    const a = input('x', ['M', K])
    const outputs = { y: linear(a, w, input('b', [N])), z: matmul(a, w, { transB: true }) }
    const model = quantizeModel(toOnnx(outputs, stored))
    expect(nodesOf(model).filter((type) => type === 'DynamicQuantizeLinear')).toHaveLength(1)
    const names = fromBinary(ModelProtoSchema, model).graph!.initializer.map(({ name }) => name)
    expect(names.sort()).toEqual(['b', 'w.transposed.int8', 'w.transposed.scales'])
  })

  const kept: [string, Record<string, Tensor>][] = [
    ['a small matrix', { y: matmul(input('x', ['M', 8]), input('small', [8, 8])) }],
    ['a product with a factor', { y: matmul(input('x', ['M', K]), w, { transB: true, scale: 0.5 }) }],
    ['a product of two inputs', { y: matmul(input('x', ['M', K]), input('v', [N, K]), { transB: true }) }],
  ]
  test.each(kept)('leaves %s in float32', (_, outputs) => {
    const small = new Map([...stored, ['small', { shape: [8, 8], data: new Float32Array(64) }]])
    const model = toOnnx(outputs, small)
    expect(nodesOf(quantizeModel(model))).toEqual(nodesOf(model))
  })

  test('leaves weights out that `only` does not name, and keeps a table that rows are looked up in', async () => {
    const model = toOnnx({ ...product, row: gather(w, input('ids', ['P'], 'int32')) }, stored)
    expect(nodesOf(quantizeModel(model, { only: (name) => name !== 'w' }))).toEqual(nodesOf(model))
    const { row } = await run(quantizeModel(model), { x: floats([M, K], x), ids: ints(Int32Array.of(3)) })
    expect(floatData(row)).toEqual(weight.slice(3 * K, 4 * K))
  })
})
