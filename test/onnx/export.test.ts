import { expect, test } from 'vitest'
import { add, input, sum } from '../../src/graph/index.ts'
import { toOnnx } from '../../src/onnx/export.ts'

test('two different inputs of one name are refused: one would be fed the numbers of the other', () => {
  const total = add(sum(input('words', [3, 2])), sum(input('words', ['N'])))
  expect(() => toOnnx({ total })).toThrow(
    'Cannot write a graph with two inputs "words": float32 [3, 2] and float32 [N]',
  )
})

test('an input that is made twice is one', () => {
  expect(() => toOnnx({ total: add(input('x', [2]), input('x', [2])) })).not.toThrow()
})
