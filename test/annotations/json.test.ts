import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseJson } from '../../src/annotations/json.ts'
import { findMistake } from '../../src/annotations/json-mistake.ts'
import { looksLikeJsonLines, parseJsonLines } from '../../src/annotations/lines.ts'

const parse = (text: string): unknown => parseJson(text, 'results "a.json"')

describe('parseJson()', () => {
  test('returns what JSON.parse() returns', () => {
    const short = fc.json().filter((text) => !/\d{16}/.test(text)) // longer integers become text
    fc.assert(
      fc.property(short, (text) => {
        expect(parse(text)).toEqual(JSON.parse(text))
      }),
    )
  })

  test('reads NaN and Infinity as Python writes them, but not within strings', () => {
    expect(parse('{"a": NaN, "b": [-Infinity,Infinity], "NaN": "NaN, \\"Infinity", "c": -1.5e-3}')).toEqual({
      a: null,
      b: [-Infinity, Infinity],
      NaN: 'NaN, "Infinity',
      c: -0.0015,
    })
  })

  test('keeps integers beyond 2^53 as the text of their digits', () => {
    expect(parse('[9007199254740991, 9007199254740993, -9007199254740993, 12345678901234567890]')).toEqual([
      9007199254740991,
      '9007199254740993',
      '-9007199254740993',
      '12345678901234567890',
    ])
    expect(
      parse('[0.12345678901234567890, 12345678901234567890.5, 1234567890123456789e3, "12345678901234567890"]'),
    ).toEqual(
      JSON.parse('[0.12345678901234567890, 12345678901234567890.5, 1234567890123456789e3, "12345678901234567890"]'),
    )
  })

  test('reads strings that end in backslashes, and keys that are names of properties', () => {
    expect(parse('["\\\\", NaN, "\\\\\\"", "NaN"]')).toEqual(['\\', null, '\\"', 'NaN'])
    expect(Object.keys(parse('{"__proto__": 1, "constructor": 2}') as object)).toEqual(['__proto__', 'constructor'])
  })

  test('refuses a key that the top object has twice, which JSON.parse() would lose', () => {
    expect(() => parse('{"1": "a", "2": "b", "\\u0031": "c"}')).toThrow(
      'Cannot read results "a.json": the key "1" occurs twice; remove one',
    )
    expect(() => parse('{"a\\u001b[31m": 1, "a\\u001b[31m": 2}')).toThrow('the key "a\\x1b[31m" occurs twice')
    expect(parse('{"a": {"b": 1, "c": {"b": 1}}, "b": "x: \\"y\\":"}')).toBeDefined()
  })

  test.each([
    ['[1,\n  2,]', 'line 2, column 5 has "]" where a value is expected: remove the comma before "]"'],
    ["[{'image_id': 1}]", `where a key or "}" in double quotes is expected: it is Python's print of an object`],
    [
      '[{"a": None}]',
      'has "None" where a value is expected: it is Python\'s print of an object; write it with json.dump',
    ],
    ['[{"a": "b"', 'line 1, column 11 is the end of the file, where "," or "}" is expected: the file is incomplete'],
    ['{"a" 1}', 'has "1" where ":" is expected'],
    ['{"a": "x\ty"}', 'has "\\x09" where no line end, tab or other control character in a string is expected'],
    ['["\\x"]', 'has "x" where an escape such as \\n after a backslash is expected'],
    ['["\\u12"]', 'where four hexadecimal digits after \\u is expected'],
    ['[01]', 'line 1, column 3 has "1" where "," or "]" is expected'],
    ['[1]\r\n[2]', 'line 2, column 1 has "[" where the end of the file is expected'],
    ['\x1b[31m', 'line 1, column 1 has "\\x1b" where a value is expected'],
  ])('names the mistake in %j', (text, message) => {
    expect(() => parse(text)).toThrow(message)
  })

  test('finds a mistake wherever JSON.parse() refuses, at any depth', () => {
    fc.assert(
      fc.property(
        fc.json(),
        fc.nat(),
        fc.constantFrom('', '"', ',', '}', ']', '\\', 'x', '0', '{'),
        (json, at, char) => {
          const place = at % (json.length + 1)
          const text = json.slice(0, place) + char + json.slice(place + 1)
          let isJson = true
          try {
            JSON.parse(text)
          } catch {
            isJson = false
          }
          // NaN and Infinity cannot arise from one replaced character
          expect(findMistake(text) === undefined, text).toBe(isJson)
        },
      ),
      { numRuns: 500 },
    )
    expect(() => parse(`${'['.repeat(100_000)}x`)).toThrow('column 100001 has "x" where a value or "]" is expected')
  })
})

describe('parseJsonLines()', () => {
  test('reads a value a line, with LF, CR LF or CR, and U+2028 within strings', () => {
    const text = '{"a": "x\u2028y"}\r\n\r\n{"a": NaN}\n{"a": 12345678901234567890}\r'
    expect(parseJsonLines(text, 'x')).toEqual([
      { value: { a: 'x\u2028y' }, line: 1 },
      { value: { a: null }, line: 3 },
      { value: { a: '12345678901234567890' }, line: 4 },
    ])
  })

  test('names the line of a mistake', () => {
    expect(() => parseJsonLines('{"a": 1}\n{"a": 2\n', 'results "a.jsonl"')).toThrow(
      'Cannot read results "a.jsonl": it is not JSON: line 2, column 8 is the end of the file',
    )
  })

  test.each([
    ['{"a": 1}\n{"a": 2}', true],
    ['\n {"a": {}} \r\n\r\n{', true],
    ['{"a": 1}', false],
    ['{\n"a": {}\n}', false],
    ['[{"a": 1}\n]', false],
    ['{"a": {}\n,"b": 1}', false],
  ])('looksLikeJsonLines(%j) is %s', (text, expected) => {
    expect(looksLikeJsonLines(text)).toBe(expected)
  })
})
