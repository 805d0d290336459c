import { expect, test } from 'vitest'
import { paint, printable, printableJson, printableLines, shellQuoted, table } from '../../src/cli/output.ts'

test('printable() escapes control characters and marks that reorder text, and no others', () => {
  expect(printable('\x1b[31mred\x1b[0m')).toBe('\\x1b[31mred\\x1b[0m')
  expect(printable('a\nb\r\tc\x7f')).toBe('a\\x0ab\\x0d\\x09c\\x7f')
  expect(printable('\u009b31m')).toBe('\\x9b31m')
  expect(printable('photo\u202egpj.exe')).toBe('photo\\u{202e}gpj.exe')
  expect(printable('a\u2028b')).toBe('a\\u{2028}b')
  expect(printable('Köln 東京 🐕\u200d🦺 \\x1b')).toBe('Köln 東京 🐕\u200d🦺 \\x1b')
})

test('printableLines() keeps line breaks', () => {
  expect(printableLines('a\x1b\nb')).toBe('a\\x1b\nb')
})

test('printableJson() escapes what JSON.stringify() does not, and parses to the same value', () => {
  const value = { name: 'a\u009b31m\x7f\n\u202e', list: [1] }
  const json = printableJson(value)
  expect(json).toMatch(/^[\x20-\x7e\n]*$/)
  expect(JSON.parse(json)).toEqual(value)
})

test.each([
  ['runs/va-mia', 'runs/va-mia'],
  ['my runs/va', "'my runs/va'"],
  ["it's", "'it'\\''s'"],
  ['', "''"],
])('shellQuoted(%j) is %s', (argument, quoted) => {
  expect(shellQuoted(argument)).toBe(quoted)
})

test('table() aligns words to the left and numbers to the right', () => {
  const rows = [
    ['score', 'value', 'of'],
    ['Bleu_1', '0.7', '1,000'],
    ['CIDEr', '10.25', '7'],
  ]
  expect(table(rows)).toEqual(['score   value     of', 'Bleu_1    0.7  1,000', 'CIDEr   10.25      7'])
})

test('table() leaves no spaces at the end of a line', () => {
  expect(
    table([
      ['a', 'b'],
      ['long', 'x'],
      ['c', ''],
    ]),
  ).toEqual(['a     b', 'long  x', 'c'])
})

test('table() stays aligned if a name has control characters', () => {
  expect(
    table([
      ['run', 'x'],
      ['a\nb', '1'],
    ]),
  ).toEqual(['run     x', 'a\\x0ab  1'])
})

test('paint() colors a stream that shows colors, and no other', () => {
  const stream = { write: () => {} }
  expect(paint(stream, 'red', 'Error:')).toBe('Error:')
  expect(paint({ ...stream, hasColors: () => false }, 'red', 'Error:')).toBe('Error:')
  expect(paint({ ...stream, hasColors: () => true }, 'red', 'Error:')).toBe('\x1b[31mError:\x1b[39m')
})
