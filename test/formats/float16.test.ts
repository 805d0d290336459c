import { expect, test } from 'vitest'
import { fromFloat16, toFloat16 } from '../../src/formats/float16.ts'

/** IEEE 754, section 3.4: a sign, five bits of exponent with bias 15, ten bits of fraction. */
function valueByDefinition(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
const allBits = Uint16Array.from({ length: 65536 }, (_, bits) => bits)
const isNumber = (bits: number): boolean => !Number.isNaN(valueByDefinition(bits))

/** The next larger or smaller float32 of a positive one. */
function neighbour(value: number, step: 1 | -1): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)
  bits[0]! += step
  return new Float32Array(bits.buffer)[0]!
}

test('fromFloat16() returns the value of each of the 65,536 bit patterns', () => {
  expect(fromFloat16(allBits)).toEqual(Float32Array.from(allBits, valueByDefinition))
})

test('toFloat16() is the inverse of fromFloat16() for all numbers', () => {
  const bits = allBits.filter(isNumber)
  expect(toFloat16(fromFloat16(bits))).toEqual(bits)
})

test('toFloat16() rounds to the nearest and ties to even, between all neighbours', () => {
  const lower = allBits.filter((bits) => bits < 0x7bff)
  const middle = Float32Array.from(lower, (bits) => (valueByDefinition(bits) + valueByDefinition(bits + 1)) / 2)
  const even = lower.map((bits) => bits + (bits & 1))
  for (const sign of [1, -1]) {
    const signBit = sign < 0 ? 0x8000 : 0
    const signed = (bits: Uint16Array) => bits.map((value) => value | signBit)
    const encode = (values: Float32Array) => toFloat16(values.map((value) => sign * value))
    expect(encode(middle)).toEqual(signed(even))
    expect(encode(middle.map((value) => neighbour(value, 1)))).toEqual(signed(lower.map((bits) => bits + 1)))
    expect(encode(middle.map((value) => neighbour(value, -1)))).toEqual(signed(lower))
  }
})

test.each([
  [65519.996, 0x7bff, 'the largest'],
  [65520, 0x7c00, 'half a step beyond the largest'],
  [3e38, 0x7c00, 'far too large'],
  [Number.NEGATIVE_INFINITY, 0xfc00, 'infinite'],
  [Number.NaN, 0x7e00, 'not a number'],
  [-0, 0x8000, 'negative zero'],
  [1e-40, 0, 'subnormal as float32'],
  [1, 0x3c00, 'one'],
  [-2, 0xc000, 'minus two'],
  [1 / 3, 0x3555, 'a third'],
])('toFloat16() of %d is %i: %s', (value, bits) => {
  expect(toFloat16(Float32Array.of(value))[0]).toBe(bits)
})

test('both fill the given array and return it', () => {
  const bits = new Uint16Array(2)
  const numbers = new Float32Array(2)
  expect(toFloat16(Float32Array.of(1, 2), bits)).toBe(bits)
  expect(fromFloat16(bits, numbers)).toBe(numbers)
  expect([...numbers]).toEqual([1, 2])
})
