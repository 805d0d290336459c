import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { columnOf, delimiterOf, parseTable } from '../../src/annotations/csv.ts'

const fieldsOf = (text: string) => parseTable(text, 'results "a.csv"').rows.map(({ fields }) => fields)

describe('parseTable()', () => {
  test('reads quotes, doubled quotes, delimiters and line ends in fields, with the line of each row', () => {
    const { header, rows, delimiter } = parseTable(
      'image, caption\r\na.jpg,"a ""b"", c\r\nd"\r\n\r\nb.jpg,x "y" z\r\nc.jpg,"x" y\n"d.jpg" ,\n',
      'x',
    )
    expect({ header, delimiter }).toEqual({ header: ['image', 'caption'], delimiter: ',' })
    expect(rows).toEqual([
      { fields: ['a.jpg', 'a "b", c\r\nd'], line: 2 },
      { fields: ['b.jpg', 'x "y" z'], line: 5 },
      { fields: ['c.jpg', '"x" y'], line: 6 },
      { fields: ['d.jpg', ''], line: 7 },
    ])
  })

  test('returns the fields that RFC 4180 wrote', () => {
    const field = fc.string({ unit: fc.constantFrom('a', ' ', '"', ',', '\n', '\r\n', '\t', ';', '|', 'é') })
    fc.assert(
      fc.property(fc.array(fc.tuple(field, field), { minLength: 1 }), (rows) => {
        const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`
        const text = ['id,caption', ...rows.map((row) => row.map(quoted).join(','))].join('\r\n')
        const kept = rows.filter(([a, b]) => `${a}${b}` !== '' || rows.length > 0)
        expect(fieldsOf(text)).toEqual(kept)
      }),
    )
  })

  test.each([
    ['a\tb\n1\t"x\n', [['1', '"x']]], // tab-separated files often have bare quotes
    ['a|b\n1|"x| y" z\n', [['1', '"x', ' y" z']]],
    ['a;b\n1;2,5\n', [['1', '2,5']]],
    ['sep=;\r\na;b\r\n1;x\r\n', [['1', 'x']]],
    [
      'a,b\r1,x\r2,y',
      [
        ['1', 'x'],
        ['2', 'y'],
      ],
    ],
    ['a,b\n1\n', [['1']]],
  ])('reads %j', (text, rows) => {
    expect(fieldsOf(text)).toEqual(rows)
  })

  test('refuses a quote that is not closed', () => {
    expect(() => fieldsOf('a,b\n1,x\n2,"y\n3,z\n')).toThrow(
      'Cannot read results "a.csv": the quote in line 3 is not closed; double the quotes within fields of CSV',
    )
  })
})

test('delimiterOf() counts outside of quotes', () => {
  expect(['a,b', 'a\tb, c\td', '"a,b,c";d', 'image_name| comment_number| comment', 'a'].map(delimiterOf)).toEqual([
    ',',
    '\t',
    ';',
    '|',
    undefined,
  ])
})

test('columnOf() finds the first name in any spelling', () => {
  expect(columnOf(['x', 'Image-ID', 'caption'], ['image_id', 'caption'])).toBe(1)
  expect(columnOf(['x'], ['image_id'])).toBeUndefined()
})
