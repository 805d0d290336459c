import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { UserError } from '../src/errors.ts'
import { COUNT, POSITIVE_COUNT, validate } from '../src/validate.ts'

const SCHEMA = v.object({ images: COUNT, minCount: POSITIVE_COUNT, name: v.literal('a') })
const check = (value: unknown) => validate(SCHEMA, value, 'x.json', 'make it again')
const good = { images: 0, minCount: 1, name: 'a' }

describe('validate()', () => {
  test('returns a valid value', () => {
    expect(check(good)).toEqual(good)
  })

  const deep = JSON.parse('['.repeat(20_000) + ']'.repeat(20_000))
  test.each<[string, unknown, string]>([
    ['a missing field', { ...good, images: undefined }, 'images is missing'],
    ['a negative count', { ...good, images: -1 }, 'images is -1 and should be at least 0'],
    ['a count of 0 where one is needed', { ...good, minCount: 0 }, 'minCount is 0 and should be at least 1'],
    ['a count with a fraction', { ...good, images: 0.5 }, 'images is 0.5 and should be an integer'],
    ['a count beyond 2^53', { ...good, images: 2 ** 53 }, 'images is 9007199254740992 and should be an integer'],
    ['a list nested 20,000 deep', { ...good, images: deep }, 'images is an array and should be a number'],
    ['a very long text', { ...good, name: 'x'.repeat(1e6) }, `name is "${'x'.repeat(56)}... and should be "a"`],
    ['no object', null, 'the file is null and should be an object'],
  ])('refuses %s with file, field, value and expectation', (_, value, fault) => {
    expect(() => check(value)).toThrow(UserError)
    expect(() => check(value)).toThrow(`Cannot read "x.json": ${fault}`)
    expect(() => check(value)).toThrow(/; make it again$/)
  })
})

test('validate() refuses what JSON.parse reads as an infinite number', () => {
  const schema = v.object({ std: v.array(v.number()), scores: v.record(v.string(), v.number()) })
  const read = (text: string) => validate(schema, JSON.parse(text), 'x.json', 'make it again')
  expect(read('{"std":[1,2],"scores":{"a":1}}')).toEqual({ std: [1, 2], scores: { a: 1 } })
  expect(() => read('{"std":[1,1e400],"scores":{}}')).toThrow(
    'Cannot read "x.json": std.1 is too large for a number; make it again',
  )
  expect(() => read('{"std":[],"scores":{"a":-1e999}}')).toThrow('scores.a is too large for a number')
})

describe('validate() of one of several forms', () => {
  const side = v.pipe(v.number(), v.integer(), v.maxValue(65_536))
  const source = v.variant('kind', [
    v.object({ kind: v.literal('boxes'), regions: side }),
    v.object({ kind: v.optional(v.literal('grid'), 'grid'), picture: v.object({ width: side }) }),
  ])
  const edge = v.union([side, v.object({ shortest: side }), v.object({ height: side, width: side })])
  const schema = v.object({ source, edge, mode: v.optional(v.picklist(['a', 'b'])) })
  const good = { source: { picture: { width: 1 } }, edge: 1 }
  test.each<[string, object, string]>([
    [
      'the field that is wrong',
      { source: { picture: { width: 'w' } } },
      'source.picture.width is "w" and should be a number',
    ],
    [
      'a number beyond the limit',
      { source: { picture: { width: 65_537 } } },
      'source.picture.width is 65537 and should be at most 65,536',
    ],
    ['the missing field of the form that is named', { source: { kind: 'boxes' } }, 'source.regions is missing'],
    ['a form that does not exist', { source: { kind: 'x' } }, 'source.kind is "x" and should be "boxes" or "grid"'],
    [
      'the field that is there, of the form that fits best',
      { edge: { shortest: 'x' } },
      'edge.shortest is "x" and should be a number',
    ],
    ['a field of the last form', { edge: { height: 2, width: 'x' } }, 'edge.width is "x" and should be a number'],
    ['all forms if none fits', { edge: 'x' }, 'edge is "x" and should be a number or an object'],
    ['all choices', { mode: 'c' }, 'mode is "c" and should be "a" or "b"'],
  ])('names %s', (_, change, fault) => {
    expect(() => validate(schema, { ...good, ...change }, 'x.json', 'make it again')).toThrow(
      `Cannot read "x.json": ${fault}; make it again`,
    )
  })
})
