import { expect, test } from 'vitest'
import { counted, firstFew, thousands } from '../src/wording.ts'

test('thousands() and counted() write counts as people do', () => {
  expect(thousands(31783)).toBe('31,783')
  expect(counted(1, 'picture')).toBe('1 picture')
  expect(counted(6000, 'picture')).toBe('6,000 pictures')
  expect(counted(2, 'entry')).toBe('2 entries')
})

test('firstFew() names three, counts the rest, and shortens what is very long', () => {
  expect(firstFew(['a', 'b'])).toBe('a, b')
  expect(firstFew(['a', 'b', 'c', 'd', 'e'])).toBe('a, b, c and 2 more')
  expect(firstFew(['x'.repeat(61)])).toBe(`${'x'.repeat(57)}...`)
})
