import { expect, test } from 'vitest'
import { CompiledGraph } from '../../src/engine/compiled.ts'
import { floatData } from '../../src/engine/session.ts'
import { floats, type HostValue } from '../../src/formats/host-value.ts'
import { add, input, matmul, mul } from '../../src/graph/index.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'

const vector = (...numbers: number[]): HostValue => floats([numbers.length], Float32Array.from(numbers))

test('CompiledGraph stores the weights it is given and asks for the other inputs alone', async () => {
  const y = matmul(input('x', ['B', 2]), input('w', [2, 1]))
  const weights = new Map([
    ['w', floats([2, 1], Float32Array.of(10, 1))],
    ['unused', floats([1])],
  ])
  const graph = await CompiledGraph.load(nodeRuntime, { y }, weights)
  expect(graph.inputNames).toEqual(['x'])
  expect(graph.outputNames).toEqual(['y'])
  const { y: result } = await graph.run({ x: floats([2, 2], Float32Array.of(1, 2, 3, 4)) })
  expect(result!.shape).toEqual([2, 1])
  expect([...floatData(result)]).toEqual([12, 34])
  graph.release()
})

test('CompiledGraph.run() ignores feeds that the graph does not use', async () => {
  const graph = await CompiledGraph.load(nodeRuntime, { sum: add(input('a', [2]), input('b', [2])) })
  const feeds = { a: vector(1, 2), b: vector(3, 4), another: vector(5) }
  expect([...floatData((await graph.run(feeds)).sum)]).toEqual([4, 6])
  graph.release()
})

test('CompiledGraph names the input that is missing, and rejects instead of throwing', async () => {
  const graph = await CompiledGraph.load(nodeRuntime, { sum: add(input('a', [2]), input('b', [2])) })
  await expect(graph.run({ a: vector(1, 2) })).rejects.toThrow('"b"')
  await expect(graph.runOnDevice({ b: vector(1, 2) })).rejects.toThrow('"a"')
  graph.release()
  await expect(graph.run({ a: vector(1, 2), b: vector(1, 2) })).rejects.toThrow('released')
})

test('CompiledGraph returns the outputs asked for, and writes them where it is told', async () => {
  const [a, b] = [input('a', [2]), input('b', [2])]
  const graph = await CompiledGraph.load(nodeRuntime, { sum: add(a, b), product: mul(a, b) })
  const feeds = { a: vector(1, 2), b: vector(3, 4) }
  expect(Object.keys(await graph.run(feeds, { wanted: ['product'] }))).toEqual(['product'])
  const product = vector(0, 0)
  expect((await graph.run(feeds, { into: { product } })).product).toBe(product)
  expect([...floatData(product)]).toEqual([3, 8])
  graph.release()
})

test('CompiledGraph.runOnDevice() returns values that feed the next run', async () => {
  const [a, b] = [input('a', [2]), input('b', [2])]
  const graph = await CompiledGraph.load(nodeRuntime, { sum: add(a, b), product: mul(a, b) })
  const feeds = { a: vector(1, 2), b: vector(3, 4) }
  const first = await graph.runOnDevice(feeds, ['sum'])
  expect(Object.keys(first)).toEqual(['sum'])
  const second = await graph.run({ ...feeds, a: first.sum! }, { wanted: ['sum'] })
  expect([...floatData(second.sum)]).toEqual([7, 10])
  first.sum!.release()
  graph.release()
})
