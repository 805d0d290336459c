import { expect, test } from 'vitest'
import { floatData } from '../../src/engine/session.ts'
import { ints } from '../../src/formats/host-value.ts'
import { cast } from '../../src/graph/ops/index.ts'
import { input } from '../../src/graph/tensor.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { Noise } from '../../src/nn/noise.ts'
import { toOnnx } from '../../src/onnx/export.ts'

const [ROWS, COLUMNS] = [400, 300]

/** Two masks of one model at each pair of seed and step. */
async function masks(keep: number, at: readonly (readonly [seed: number, step: number])[]): Promise<Float32Array[][]> {
  const noise = new Noise(input('seed', [], 'int32'), input('step', [], 'int32'))
  const [a, b] = [0, 1].map(() => cast(noise.mask([ROWS, COLUMNS], keep), 'float32'))
  const session = await nodeRuntime.load(toOnnx({ a: a!, b: b! }))
  const results: Float32Array[][] = []
  for (const [seed, step] of at) {
    const { a: first, b: second } = await session.run({ seed: ints(seed), step: ints(step) })
    results.push([floatData(first), floatData(second)])
  }
  session.release()
  return results
}

const mean = (x: Float32Array) => x.reduce((sum, value) => sum + value, 0) / x.length

/** Correlation of two masks of the same rate. */
function correlation(x: Float32Array, y: Float32Array): number {
  const [mx, my] = [mean(x), mean(y)]
  const covariance = x.reduce((sum, value, i) => sum + (value - mx) * (y[i]! - my), 0) / x.length
  return covariance / Math.sqrt(mx * (1 - mx) * my * (1 - my))
}

test('mask() keeps the share asked for, in every row and every column', async () => {
  for (const keep of [0.5, 0.9]) {
    const [[mask]] = (await masks(keep, [[7, 3]])) as [[Float32Array]]
    const deviation = Math.sqrt(keep * (1 - keep))
    expect(Math.abs(mean(mask) - keep)).toBeLessThan((4.5 * deviation) / Math.sqrt(mask.length))
    for (let row = 0; row < ROWS; row++)
      expect(Math.abs(mean(mask.subarray(row * COLUMNS, (row + 1) * COLUMNS)) - keep)).toBeLessThan(
        (5 * deviation) / Math.sqrt(COLUMNS),
      )
    const columns = new Float64Array(COLUMNS)
    for (const [i, bit] of mask.entries()) columns[i % COLUMNS]! += bit / ROWS
    for (const share of columns) expect(Math.abs(share - keep)).toBeLessThan((5 * deviation) / Math.sqrt(ROWS))
  }
})

test('masks of another place, step or seed, and neighbouring rows and columns, are not correlated', async () => {
  const [first, nextStep, nextSeed] = await masks(0.5, [
    [7, 3],
    [7, 4],
    [8, 3],
  ])
  const limit = 4.5 / Math.sqrt(ROWS * COLUMNS)
  const mask = first![0]!
  for (const other of [first![1]!, nextStep![0]!, nextSeed![0]!])
    expect(Math.abs(correlation(mask, other))).toBeLessThan(limit)
  expect(Math.abs(correlation(mask.subarray(COLUMNS), mask.subarray(0, -COLUMNS)))).toBeLessThan(limit)
  expect(Math.abs(correlation(mask.subarray(1), mask.subarray(0, -1)))).toBeLessThan(limit)
})

test('the same seed and step give the same masks', async () => {
  const [once, again] = await masks(0.5, [
    [7, 3],
    [7, 3],
  ])
  expect(once).toEqual(again)
})
