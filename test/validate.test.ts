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
    ['a negative count', { ...good, images: -1 }, 'images is -1 and should be >=0'],
    ['a count of 0 where one is needed', { ...good, minCount: 0 }, 'minCount is 0 and should be >=1'],
    ['a count with a fraction', { ...good, images: 0.5 }, 'images is 0.5 and should be'],
    ['a count beyond 2^53', { ...good, images: 2 ** 53 }, 'images is 9007199254740992 and should be'],
    ['a list nested 20,000 deep', { ...good, images: deep }, 'images is Array and should be number'],
    ['a very long text', { ...good, name: 'x'.repeat(1e6) }, `name is "${'x'.repeat(56)}... and should be "a"`],
    ['no object', null, 'the file is null and should be Object'],
  ])('refuses %s with file, field, value and expectation', (_, value, fault) => {
    expect(() => check(value)).toThrow(UserError)
    expect(() => check(value)).toThrow(`Cannot read "x.json": ${fault}`)
    expect(() => check(value)).toThrow(/; make it again$/)
  })
})
