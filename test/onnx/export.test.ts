import { fromBinary } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { add, input, scatterAdd, sum } from '../../src/graph/index.ts'
import { toOnnx } from '../../src/onnx/export.ts'
import { ModelProtoSchema } from '../../src/onnx/pb.ts'

test('two different inputs of one name are refused: one would be fed the numbers of the other', () => {
  const total = add(sum(input('words', [3, 2])), sum(input('words', ['N'])))
  expect(() => toOnnx({ total })).toThrow(
    'Cannot write a graph with two inputs "words": float32 [3, 2] and float32 [N]',
  )
})

test('an input that is made twice is one', () => {
  expect(() => toOnnx({ total: add(input('x', [2]), input('x', [2])) })).not.toThrow()
})

test('rows are added by ScatterElements: ScatterND loses some of those with the same id when it runs on threads', () => {
  const ids = input('ids', ['N'], 'int32')
  const model = toOnnx({ table: scatterAdd(input('like', [5, 3]), ids, input('rows', ['N', 3])) })
  const types = fromBinary(ModelProtoSchema, model).graph!.node.map(({ opType }) => opType)
  expect(types).toContain('ScatterElements')
  expect(types).not.toContain('ScatterND')
})
