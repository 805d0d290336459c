import { fromBinary } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { withoutLogSoftmax } from '../../src/engine/log-softmax.ts'
import { floatData } from '../../src/engine/session.ts'
import { floats } from '../../src/formats/host-value.ts'
import { add, input, logSoftmax } from '../../src/graph/index.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { toOnnx } from '../../src/onnx/export.ts'
import { ModelProtoSchema } from '../../src/onnx/pb.ts'

test('a model without LogSoftmax computes the same, also for logits whose exp overflows', async () => {
  const x = input('x', ['N', 4])
  const model = toOnnx({ once: logSoftmax(x), twice: logSoftmax(add(logSoftmax(x), x)) })
  const rewritten = withoutLogSoftmax(model)
  const operators = fromBinary(ModelProtoSchema, rewritten).graph!.node.map(({ opType }) => opType)
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

test('a model that has none is the same bytes', () => {
  const model = toOnnx({ y: add(input('x', [1]), 1) })
  expect(withoutLogSoftmax(model)).toBe(model)
})
