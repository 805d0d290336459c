import { expect, test } from 'vitest'
import { floatData } from '../../src/engine/session.ts'
import { floats, type HostValue, ints } from '../../src/formats/host-value.ts'
import { cast, input, mul, ShapeError, type Tensor } from '../../src/graph/index.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { Noise, type NoiseRows } from '../../src/nn/noise.ts'
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

/** Two masks of images `[B, 3, 20]` and one of words `[P, 20]`, as numbers. */
function masksOf(noise: Noise, rows?: NoiseRows) {
  const ones = input('imageOnes', ['B', 3, 20])
  const words = input('wordOnes', ['P', 20])
  const mask = (x: Tensor, numbers?: NoiseRows) => mul(x, cast(noise.mask(x.shape, 0.5, numbers), 'float32'))
  return { first: mask(ones), second: mask(ones), words: mask(words, rows) }
}

test('the shards of a batch draw together exactly the masks that one process draws for all its images', async () => {
  const scalar = (name: string) => input(name, [], 'int32')
  const [images, words] = [5, 8]
  const filled = (shape: readonly number[]) => floats(shape, new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1))
  const random = { seed: ints(7), step: ints(3) }
  const one = await nodeRuntime.load(toOnnx(masksOf(new Noise(scalar('seed'), scalar('step')))))
  const whole = await one.run({ imageOnes: filled([images, 3, 20]), wordOnes: filled([words, 20]), ...random })
  one.release()
  const shard = { before: scalar('before'), total: scalar('total') }
  const rows = { numbers: input('rows', ['P'], 'int32'), total: scalar('rowsTotal') }
  const part = await nodeRuntime.load(toOnnx(masksOf(new Noise(scalar('seed'), scalar('step'), shard), rows)))
  for (const [before, count, numbers] of [
    [0, 2, [0, 3, 5]],
    [2, 1, [1, 7]],
    [3, 2, [2, 4, 6]],
  ] as const) {
    const { first, second, ...drawn } = await part.run({
      imageOnes: filled([count, 3, 20]),
      wordOnes: filled([numbers.length, 20]),
      ...random,
      before: ints(before),
      total: ints(images),
      rows: ints(Int32Array.from(numbers)),
      rowsTotal: ints(words),
    })
    const of = (mask: HostValue | undefined) => floatData(mask).subarray(before * 60, (before + count) * 60)
    expect(floatData(first)).toEqual(of(whole.first))
    expect(floatData(second)).toEqual(of(whole.second))
    for (const [i, row] of numbers.entries())
      expect(floatData(drawn.words).subarray(i * 20, (i + 1) * 20), `word ${row}`).toEqual(
        floatData(whole.words).subarray(row * 20, (row + 1) * 20),
      )
  }
  part.release()
})

test('a shard refuses a mask whose rows are not a whole number for each image', () => {
  const scalar = (name: string) => input(name, [], 'int32')
  const noise = new Noise(scalar('seed'), scalar('step'), { before: scalar('before'), total: scalar('total') })
  expect(() => noise.mask(['P', 20], 0.5)).toThrow(ShapeError)
})
