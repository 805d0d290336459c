import { expect, test } from 'vitest'
import { paint, table } from '../../src/cli/output.ts'

test('table() aligns words to the left and numbers to the right', () => {
  const rows = [
    ['score', 'value', 'of'],
    ['Bleu_1', '0.7', '1,000'],
    ['CIDEr', '10.25', '7'],
  ]
  expect(table(rows)).toBe(['score   value     of', 'Bleu_1    0.7  1,000', 'CIDEr   10.25      7'].join('\n'))
})

test('table() leaves no spaces at the end of a line', () => {
  expect(
    table([
      ['a', 'b'],
      ['long', 'x'],
      ['c', ''],
    ]),
  ).toBe('a     b\nlong  x\nc')
})

test('paint() colours a stream that shows colours, and no other', () => {
  const stream = { write: () => {} }
  expect(paint(stream, 'red', 'Error:')).toBe('Error:')
  expect(paint({ ...stream, hasColors: () => false }, 'red', 'Error:')).toBe('Error:')
  expect(paint({ ...stream, hasColors: () => true }, 'red', 'Error:')).toBe('\x1b[31mError:\x1b[39m')
})
