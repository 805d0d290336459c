import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { forWebgpu } from '../../src/engine/for-webgpu.ts'
import { floatData } from '../../src/engine/session.ts'
import { elementCount, floats } from '../../src/formats/host-value.ts'
import { add, input, logSoftmax, matmul, mul, type Tensor } from '../../src/graph/index.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { toOnnx } from '../../src/onnx/export.ts'
import { ModelProtoSchema } from '../../src/onnx/pb.ts'
import { normals } from '../support/random.ts'

const operatorsOf = (model: Uint8Array): string[] =>
  fromBinary(ModelProtoSchema, model).graph!.node.map(({ opType }) => opType)

test('a model without LogSoftmax computes the same, also for logits whose exp overflows', async () => {
  const x = input('x', ['N', 4])
  const model = toOnnx({ once: logSoftmax(x), twice: logSoftmax(add(logSoftmax(x), x)) })
  const rewritten = forWebgpu(model)
  const operators = operatorsOf(rewritten)
  expect(operators).not.toContain('LogSoftmax')
  expect(operators.filter((each) => each === 'ReduceMax')).toHaveLength(2)
  const feeds = { x: floats([3, 4], Float32Array.of(1, 2, 3, 4, 1000, 0, -1000, 999, -5, -5, -5, -5)) }
  const [expected, found] = await Promise.all(
    [model, rewritten].map(async (bytes) => (await nodeRuntime.load(bytes)).run(feeds)),
  )
  for (const name of ['once', 'twice'])
    for (const [i, value] of floatData(expected![name]).entries())
      expect(floatData(found![name])[i]).toBeCloseTo(value, 4)
  expect(floatData(found!.once)[8]).toBeCloseTo(Math.log(1 / 4), 6)
})

const flags = [false, true].flatMap((transA) => [false, true].map((transB) => ({ transA, transB })))

test.each(flags.flatMap((each) => [1, 0.25].map((scale) => ({ ...each, scale }))))(
  'products without FusedMatMul are the same: %o',
  async ({ transA, transB, scale }) => {
    const random = normals(3)
    const shapes = {
      matrix: [
        [3, 4],
        [4, 5],
      ],
      batch: [
        [2, 3, 4],
        [2, 4, 5],
      ],
      spread: [
        [2, 1, 3, 4],
        [6, 4, 5],
      ],
    } // prettier-ignore
    const feeds: Record<string, ReturnType<typeof floats>> = {}
    const outputs: Record<string, Tensor> = {}
    for (const [name, pair] of Object.entries(shapes)) {
      const [a, b] = pair.map((shape, i) => {
        const swap = [transA, transB][i]
        const stored = swap ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape
        feeds[`${name}${i}`] = floats(stored, Float32Array.from(random(elementCount(stored))))
        // one factor is an input of the graph, the other is computed
        const tensor = input(`${name}${i}`, stored)
        return i === 0 ? tensor : mul(tensor, 2)
      })
      outputs[name] = matmul(a!, b!, { transA, transB, scale })
    }
    const model = toOnnx(outputs)
    const rewritten = forWebgpu(model)
    expect(operatorsOf(model).includes('FusedMatMul')).toBe(transA || transB || scale !== 1)
    expect(operatorsOf(rewritten)).not.toContain('FusedMatMul')
    const [expected, found] = await Promise.all(
      [model, rewritten].map(async (bytes) => (await nodeRuntime.load(bytes)).run(feeds)),
    )
    for (const name of Object.keys(shapes)) {
      expect(found![name]!.shape).toEqual(expected![name]!.shape)
      for (const [i, value] of floatData(expected![name]).entries())
        expect(floatData(found![name])[i]).toBeCloseTo(value, 5)
    }
  },
)

test('a model of ours that needs no rewriting stays as it is', () => {
  const model = toOnnx({ y: add(input('x', [1]), 1) })
  expect(forWebgpu(model)).toEqual(model)
})

test('a model of another operator set keeps its operators', () => {
  const model = fromBinary(ModelProtoSchema, toOnnx({ y: logSoftmax(input('x', ['N', 4])) }))
  model.opsetImport[0]!.version = 13n
  expect(operatorsOf(forWebgpu(toBinary(ModelProtoSchema, model)))).toContain('LogSoftmax')
})
