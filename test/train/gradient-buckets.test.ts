import { describe, expect, test } from 'vitest'
import { fromFloat16, toFloat16 } from '../../src/formats/float16.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import type { Parameter } from '../../src/nn/scope.ts'
import { openBuckets } from '../../src/train/gradient-buckets.ts'
import { HalfSum } from '../../src/train/half-sum.ts'
import { crossEntropy } from '../../src/train/objectives/cross-entropy.ts'
import { gradientStep } from '../../src/train/step.ts'
import { gradientName } from '../../src/train/update.ts'
import { normals } from '../support/random.ts'
import { ranksInProcess } from '../support/ranks.ts'
import { CAPTIONS, STEPS, shardOf, tinyModel, weightsOf } from './word-batch.ts'

const parameters = [
  { name: 'a', shape: [3, 7] },
  { name: 'b', shape: [] },
  { name: 'c', shape: [50] },
] as unknown as Parameter[]

describe.each(['float32', 'float16'] as const)('gradients sent as %s', (type) => {
  test.each([1, 2, 3])('are added up over %i ranks, with losses and wishes to stop', async (size) => {
    const ranks = ranksInProcess(size)
    const all = await Promise.all(ranks.map(() => openBuckets(nodeRuntime, parameters, { type, ranks: size })))
    const expected = new Map(parameters.map(({ name }) => [name, [] as number[]]))
    for (const [rank, { gradients }] of all.entries())
      for (const { name } of parameters) {
        const { data } = gradients[gradientName(name)]!
        const numbers = Float32Array.from(normals(rank + 1)(data.length))
        if (data instanceof Uint16Array) toFloat16(numbers, data)
        else (data as Float32Array).set(numbers)
        const sums = expected.get(name)!
        for (const [i, x] of numbers.entries()) sums[i] = (sums[i] ?? 0) + x
      }
    const said = await Promise.all(
      all.map((buckets, rank) => buckets.sum(ranks[rank]!, { loss: rank + 0.5, stop: rank === 1, patience: 1 })),
    )
    const losses = [0.5, 2, 4.5][size - 1]
    expect(said).toEqual(Array(size).fill({ loss: losses, stops: size > 1 ? 1 : 0 }))
    for (const buckets of all) {
      for (const { name } of parameters) {
        const { data } = buckets.gradients[gradientName(name)]!
        expect(data).toEqual(all[0]!.gradients[gradientName(name)]!.data) // bit by bit
        const found = data instanceof Uint16Array ? fromFloat16(data) : (data as Float32Array)
        // each number is rounded once, and the sum once more: to 11 bits of numbers below 16
        const allowed = type === 'float32' ? 1e-6 : (size + 1) * 16 * 2 ** -12
        for (const [i, value] of expected.get(name)!.entries())
          expect(Math.abs(found[i]! - value)).toBeLessThan(allowed)
      }
      buckets.release()
    }
  })
})

test('many buckets of float16 are the sums of one', async () => {
  const ranks = ranksInProcess(3)
  const given = ranks.map(({ rank }) => toFloat16(Float32Array.from(normals(rank + 5)(480))))
  const sumIn = async (bytes: number) => {
    const numbers = given.map((each) => each.slice())
    const sums = await Promise.all(ranks.map(() => HalfSum.load(nodeRuntime, 3, bytes)))
    await Promise.all(sums.map((sum, rank) => sum.sum(numbers[rank]!, ranks[rank]!, {})))
    for (const sum of sums) sum.release()
    return numbers
  }
  const [many, one] = [await sumIn(200), await sumIn(2000)]
  expect(many).toEqual(one)
  expect(many[0]).toEqual(many[2])
})

test('a step rounds its gradients to float16 as this format does, and small ones keep their bits', async () => {
  const model = tinyModel('VisualAttention', true)
  const options = { captions: CAPTIONS, steps: STEPS, objective: crossEntropy(0.1) }
  const gradientsAs = async (type: 'float32' | 'float16') => {
    const session = await nodeRuntime.load(gradientStep(model, options, type))
    const scalar = (value: number) => ({ dtype: 'int32', shape: [], data: Int32Array.of(value) }) as const
    const feeds = { ...shardOf(), ...weightsOf(model), seed: scalar(1), step: scalar(1) }
    const outputs = await session.run(
      Object.fromEntries(session.inputNames.map((name) => [name, feeds[name as 'seed']])),
    )
    session.release()
    return outputs
  }
  const [exact, rounded] = [await gradientsAs('float32'), await gradientsAs('float16')]
  let smallest = 1
  for (const name of model.parameters.keys()) {
    const [expected, found] = [exact, rounded].map((each) => each[gradientName(name)]!.data)
    const numbers = fromFloat16(found as Uint16Array)
    for (const [i, value] of (expected as Float32Array).entries()) {
      const error = Math.abs(numbers[i]! / 1024 - value)
      expect(error).toBeLessThanOrEqual(Math.max(Math.abs(value) * 2 ** -11, 2 ** -35))
      if (value !== 0 && error < Math.abs(value) * 2 ** -10) smallest = Math.min(smallest, Math.abs(value))
    }
  }
  expect(smallest).toBeLessThan(2 ** -14) // where float16 without a factor begins to lose bits
})
