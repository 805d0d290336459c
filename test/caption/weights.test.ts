import { describe, expect, test } from 'vitest'
import { compactWeights, type Weights, weightsOf } from '../../src/caption/weights.ts'
import { UserError } from '../../src/errors.ts'
import { toFloat16 } from '../../src/formats/float16.ts'
import type { TensorData } from '../../src/formats/safetensors.ts'
import { Scope } from '../../src/nn/scope.ts'
import { damaged, damages } from '../support/damaged-weights.ts'
import { halves } from '../support/small-run.ts'

const scope = new Scope()
const zeros = (shape: readonly number[]) => new Float32Array(shape.reduce((a, b) => a * b, 1))
scope.parameter('out.weight', [2, 3], zeros)
scope.parameter('out.bias', [3], zeros)
const { parameters } = scope
const read = (tensors: Parameters<typeof weightsOf>[0]) => weightsOf(tensors, parameters, 'weights "w"', 'train again')

describe('weightsOf()', () => {
  test('returns the weights of the parameters, and no other tensors', () => {
    const extra = { dtype: 'I64', shape: [], data: BigInt64Array.of(1n) } as const
    expect(read(new Map<string, TensorData>([...halves(parameters), ['more', extra]]))).toEqual(halves(parameters))
  })

  test('widens float16', () => {
    const data = toFloat16(Float32Array.of(1, -2, 0.5))
    const all = new Map<string, TensorData>([
      ...halves(parameters),
      ['out.bias', { dtype: 'F16', shape: [3], data }] as const,
    ])
    expect(read(all).get('out.bias')).toEqual({ dtype: 'F32', shape: [3], data: Float32Array.of(1, -2, 0.5) })
  })

  test.each(damages)('refuses a weight with %s, naming file, weight and advice', (_, damage, why) => {
    const all = damaged(halves(parameters), 'out.weight', damage)
    expect(() => read(all)).toThrow(UserError)
    expect(() => read(all)).toThrow(why)
    expect(() => read(all)).toThrow(/^Cannot read weights "w": .*"out.weight".*; train again$/)
  })

  test('refuses a float16 infinity', () => {
    const data = Uint16Array.of(0, 0x7c00, 0)
    const all = new Map<string, TensorData>([
      ...halves(parameters),
      ['out.bias', { dtype: 'F16', shape: [3], data }] as const,
    ])
    expect(() => read(all)).toThrow('"out.bias" has numbers that are not finite')
  })
})

describe('compactWeights()', () => {
  const big = new Scope()
  big.parameter('large', [80, 100], zeros)
  big.parameter('larger', [100, 100], zeros)
  big.parameter('bias', [100], zeros)
  const weights: Weights = new Map(
    [...big.parameters.values()].map(({ name, shape }) => {
      const data = zeros(shape).map((_, i) => Math.fround(Math.sin(i * 1.7) / (1 + (i % 13))))
      return [name, { dtype: 'F32', shape, data }] as const
    }),
  )
  const bytesOf = (tensors: ReadonlyMap<string, TensorData>) =>
    [...tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0)
  const back = (tensors: ReadonlyMap<string, TensorData>) =>
    weightsOf(tensors, big.parameters, 'weights "w"', 'mend it')

  test('is float16 where there is room', () => {
    const tensors = compactWeights(weights)
    expect([...tensors.values()].map(({ dtype }) => dtype)).toEqual(['F16', 'F16', 'F16'])
    expect(bytesOf(tensors)).toBe(2 * 18_100)
  })

  test('makes the largest matrices int8 until the rest fits, and weightsOf() reads both', () => {
    const tensors = compactWeights(weights, 30_000)
    expect([...tensors].map(([name, { dtype }]) => `${name} ${dtype}`)).toEqual([
      'large F16',
      'larger I8',
      'larger.scale F16',
      'bias F16',
    ])
    expect(bytesOf(tensors)).toBeLessThanOrEqual(30_000)
    for (const [name, { data }] of back(tensors))
      for (const [i, value] of data.entries()) expect(value).toBeCloseTo(weights.get(name)!.data[i]!, 2)
  })

  test('refuses int8 weights whose scales are missing or of another shape', () => {
    const tensors = compactWeights(weights, 0)
    const scale = tensors.get('larger.scale')!
    tensors.delete('larger.scale')
    expect(() => back(tensors)).toThrow('Cannot read weights "w": it has no "larger.scale"; mend it')
    tensors.set('larger.scale', { ...scale, shape: [4, 100] })
    expect(() => back(tensors)).toThrow('"larger.scale" is F16 [4, 100] and should be F16 [100, 4]')
  })
})
