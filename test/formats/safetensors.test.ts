import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UserError } from '../../src/errors.ts'
import { parseSafetensors, serializeSafetensors, type TensorData } from '../../src/formats/safetensors.ts'

/** A file made from a header and data as the format's description says, without our code. */
function file(header: string | object, data: readonly number[] = []): Uint8Array {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  return Buffer.concat([length, text, Buffer.from(data)])
}
const u8 = (begin: number, end: number) => ({ dtype: 'U8', shape: [end - begin], data_offsets: [begin, end] })
const join = (parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts)

describe('parseSafetensors()', () => {
  test('reads types, shapes, data and metadata of a file made without our code', () => {
    const header = {
      __metadata__: { made: 'by hand' },
      late: { dtype: 'F32', shape: [2], data_offsets: [4, 12] },
      early: { dtype: 'I16', shape: [2, 1], data_offsets: [0, 4] },
    }
    const { tensors, metadata } = parseSafetensors(file(header, [1, 0, 254, 255, 0, 0, 128, 63, 0, 0, 32, 192]))
    expect(metadata).toEqual({ made: 'by hand' })
    expect(tensors.get('early')).toEqual({ dtype: 'I16', shape: [2, 1], data: Int16Array.of(1, -2) })
    expect(tensors.get('late')).toEqual({ dtype: 'F32', shape: [2], data: Float32Array.of(1, -2.5) })
  })

  test('reads scalars, empty tensors and a header padded with spaces', () => {
    const header = { s: { dtype: 'U8', shape: [], data_offsets: [0, 1] }, e: { ...u8(1, 1), shape: [0, 7] } }
    const { tensors } = parseSafetensors(file(`${JSON.stringify(header)}   `, [9]))
    expect(tensors.get('s')).toEqual({ dtype: 'U8', shape: [], data: Uint8Array.of(9) })
    expect(tensors.get('e')).toEqual({ dtype: 'U8', shape: [0, 7], data: new Uint8Array() })
  })

  test('reads names that are special in JavaScript', () => {
    const text = '{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}'
    expect([...parseSafetensors(file(text, [5])).tensors.keys()]).toEqual(['__proto__'])
  })

  const twice = '"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}'
  const broken: [string, Uint8Array, string][] = [
    ['an empty file', new Uint8Array(), 'it has 0 bytes, too few'],
    ['a header longer than the limit', Buffer.from('this is some text'), 'the limit is 100 MB'],
    ['a header longer than the file', file(`{}`).subarray(0, 9), 'it is cut short: its header takes 2 bytes'],
    ['a header that does not begin with a brace', file(' {}'), 'does not begin with "{"'],
    ['a header that is not JSON', file('{"a":'), 'is not JSON'],
    [
      'a header that is not UTF-8',
      join([file('{"x'), Uint8Array.of(255)]).map((b, i) => (i === 0 ? 4 : b)),
      'not JSON',
    ],
    ['a name twice', file(`{${twice},${twice}}`, [1]), 'the name "a" twice'],
    ['a name twice, once escaped', file(`{${twice},${twice.replace('"a"', '"\\u0061"')}}`, [1]), 'the name "a" twice'],
    [
      'a tensor with two types',
      file('{"a":{"dtype":"U8","dtype":"I8","shape":[0],"data_offsets":[0,0]}}'),
      'the name "dtype" twice',
    ],
    ['metadata that are not strings', file({ __metadata__: { a: 1 } }), 'not an object of strings'],
    [
      'an unknown type',
      file({ a: { dtype: 'toString', shape: [1], data_offsets: [0, 1] } }, [0]),
      'the type "toString"',
    ],
    ['a tensor that is not an object', file({ a: null }), 'the type undefined'],
    ['a negative size', file({ a: { dtype: 'U8', shape: [-1, -1], data_offsets: [0, 1] } }, [0]), 'the shape [-1,-1]'],
    [
      'sizes whose product is beyond counting',
      file({ a: { dtype: 'U8', shape: [2 ** 52, 2 ** 52], data_offsets: [0, 1] } }, [0]),
      'takes 2',
    ],
    [
      'a shape nested 20,000 deep',
      file(`{"a":{"dtype":"U8","shape":${'['.repeat(20_000)}${']'.repeat(20_000)},"data_offsets":[0,1]}}`, [0]),
      'tensor "a" has the shape a nested list',
    ],
    [
      'a type that is a nested object',
      file(`{"a":{"dtype":${'{"b":'.repeat(20_000)}1${'}'.repeat(20_000)},"shape":[1],"data_offsets":[0,1]}}`, [0]),
      'tensor "a" has the type an object',
    ],
    ['one offset', file({ a: { dtype: 'U8', shape: [1], data_offsets: [1] } }, [0]), 'the offsets [1]'],
    [
      'offsets that do not fit the shape',
      file({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 1] } }, [0]),
      'takes 4 bytes, its offsets leave 1',
    ],
    ['a hole', file({ a: u8(0, 1), b: u8(2, 3) }, [0, 0, 0]), 'bytes 1 to 2, before tensor "b", belong to no tensor'],
    ['a hole at the beginning', file({ a: u8(1, 2) }, [0, 0]), 'bytes 0 to 1'],
    ['an overlap', file({ a: u8(0, 2), b: u8(1, 3) }, [0, 0, 0]), 'tensor "b" begins at byte 1, inside another'],
    ['data cut short', file({ a: u8(0, 2) }, [0]), 'cut short: it has 1 of 2 bytes of data'],
    ['data after the last tensor', file({ a: u8(0, 1) }, [0, 0]), '1 bytes after the last tensor'],
    [
      'too many tensors',
      file(`{${Array.from({ length: 100_001 }, (_, i) => `"${i}":0`)}}`),
      '100001 tensors, the limit is 100000',
    ],
  ]
  test.each(broken)('refuses %s', (_, bytes, why) => {
    expect(() => parseSafetensors(bytes, 'weights "w"')).toThrow(UserError)
    expect(() => parseSafetensors(bytes, 'weights "w"')).toThrow('Cannot read weights "w": ')
    expect(() => parseSafetensors(bytes, 'weights "w"')).toThrow(why)
  })

  test('throws nothing but UserError, whatever byte is changed', () => {
    const whole = join(serializeSafetensors(example(), { note: 'x' }))
    const at = fc.record({ index: fc.nat(whole.length - 1), byte: fc.nat(255), cut: fc.nat(whole.length) })
    fc.assert(
      fc.property(at, ({ index, byte, cut }) => {
        const changed = whole.with(index, byte).subarray(0, cut % 3 === 0 ? cut : whole.length)
        try {
          parseSafetensors(changed)
        } catch (error) {
          expect(error).toBeInstanceOf(UserError)
        }
      }),
      { seed: 1, numRuns: 2000 },
    )
  })
})

describe('serializeSafetensors()', () => {
  test('is the inverse of parseSafetensors(), at any alignment of the bytes', () => {
    const whole = join(serializeSafetensors(example(), { epoch: '3', note: 'größer' }))
    for (let shift = 0; shift < 8; shift++) {
      const moved = new Uint8Array(shift + whole.length)
      moved.set(whole, shift)
      const { tensors, metadata } = parseSafetensors(moved.subarray(shift))
      expect(metadata).toEqual({ epoch: '3', note: 'größer' })
      expect(tensors).toEqual(new Map(example()))
    }
  })

  test('aligns every tensor to its own width and the data to eight bytes', () => {
    const whole = join(serializeSafetensors(example()))
    const length = Number(Buffer.from(whole).readBigUInt64LE())
    expect(length % 8).toBe(0)
    const header = JSON.parse(Buffer.from(whole.subarray(8, 8 + length)).toString())
    for (const [name, { data }] of example()) expect(header[name].data_offsets[0] % data.BYTES_PER_ELEMENT).toBe(0)
  })

  test('returns the memory of the tensors without copying it', () => {
    const data = new Float32Array(8)
    const parts = serializeSafetensors([['w', { dtype: 'F32', shape: [2, 4], data }]])
    expect(parts[1]!.buffer).toBe(data.buffer)
  })

  const one: TensorData = { dtype: 'F32', shape: [2], data: new Float32Array(2) }
  test.each<[string, [string, TensorData][], string]>([
    [
      'two tensors of one name',
      [
        ['a', one],
        ['a', one],
      ],
      'there are two of that name',
    ],
    ['data shorter than the shape', [['a', { ...one, shape: [3] }]], 'F32 [3]: its data are 2 elements'],
    [
      'data of another type',
      [['a', { ...one, dtype: 'F16' }]],
      'as F16 [2]: its data are 2 elements of a Float32Array',
    ],
    ['the name of the metadata', [['__metadata__', one]], 'the name is reserved'],
  ])('refuses %s', (_, tensors, why) => {
    expect(() => serializeSafetensors(tensors)).toThrow(why)
  })
})

function example(): [string, TensorData][] {
  return [
    ['bytes', { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 255) }],
    ['half', { dtype: 'F16', shape: [1, 3], data: Uint16Array.of(0x3c00, 0xc000, 0x7bff) }],
    ['long', { dtype: 'I64', shape: [], data: BigInt64Array.of(-(2n ** 62n)) }],
    ['weights', { dtype: 'F32', shape: [2, 2], data: Float32Array.of(1.5, -2, 1e-40, 3e38) }],
    ['nothing', { dtype: 'F64', shape: [0, 4], data: new Float64Array() }],
    ['flag', { dtype: 'BOOL', shape: [1], data: Uint8Array.of(1) }],
  ]
}
