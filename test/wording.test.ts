import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { counted, firstFew, shortened, show, thousands } from '../src/wording.ts'

test('thousands() and counted() separate thousands and form plurals', () => {
  expect(thousands(31783)).toBe('31,783')
  expect(counted(1, 'picture')).toBe('1 picture')
  expect(counted(6000, 'picture')).toBe('6,000 pictures')
  expect(counted(2, 'entry')).toBe('2 entries')
})

test('firstFew() lists three names, counts the rest and shortens long names', () => {
  expect(firstFew(['a', 'b'])).toBe('a, b')
  expect(firstFew(['a', 'b', 'c', 'd', 'e'])).toBe('a, b, c and 2 more')
  expect(firstFew(['x'.repeat(61)])).toBe(`${'x'.repeat(57)}...`)
})

describe('show()', () => {
  test("is the start of JSON.stringify()'s text, for every value of JSON", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(show(value)).toBe(shortened(JSON.stringify(value)))
      }),
      { seed: 1, numRuns: 1000 },
    )
  })

  test('shows undefined as missing', () => {
    expect(show(undefined)).toBe('missing')
  })

  test.each([
    ['arrays', '['.repeat(20_000) + ']'.repeat(20_000), `${'['.repeat(57)}...`],
    ['objects', `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`, `${'{"a":'.repeat(12).slice(0, 57)}...`],
  ])('does not overflow the stack on %s nested 20,000 deep', (_, json, expected) => {
    expect(show(JSON.parse(json))).toBe(expected)
  })
})
