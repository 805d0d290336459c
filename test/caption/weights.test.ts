import { describe, expect, test } from 'vitest'
import { weightsOf } from '../../src/caption/weights.ts'
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
