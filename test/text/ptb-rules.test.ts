import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ADDRESS_RULES } from '../../src/text/ptb/addresses.ts'
import { MARK_RULES } from '../../src/text/ptb/marks.ts'
import { NUMBER_RULES } from '../../src/text/ptb/numbers.ts'
import { WORD_RULES } from '../../src/text/ptb/words.ts'
import { ptbTokenize } from '../../src/text/ptb.ts'

const families = [...WORD_RULES, ...NUMBER_RULES, ...ADDRESS_RULES, ...MARK_RULES]
const parts = [
  'a',
  'n',
  'A',
  's',
  't',
  'em',
  'St',
  'etc',
  '1',
  '.',
  ',',
  ' ',
  "'",
  "'s",
  "n't",
  '-',
  '/',
  '&',
  '&amp;',
  '&apos;',
  '"',
  '<',
  '>',
]
const more = [
  '@',
  '#',
  '$',
  '%',
  '*',
  '+',
  '=',
  '(',
  ')',
  '[',
  ':',
  ';',
  '!',
  '?',
  '_',
  '`',
  '~',
  '\\',
  '|',
  'http://',
  'é',
  '’',
  '…',
  '½',
  '犬',
]
const text = fc.array(fc.constantFrom(...parts, ...more), { minLength: 1, maxLength: 8 }).map((some) => some.join(''))

test('no rule of a family matches at an ASCII character that `begins` excludes', () => {
  fc.assert(
    fc.property(text, (line) => {
      if (line.charCodeAt(0) >= 128) return
      for (const { begins, rules } of families)
        if (!begins.test(line.charAt(0)))
          for (const { pattern } of rules) {
            pattern.lastIndex = 0
            expect(pattern.test(`${line}\n`), `${pattern} on ${line}`).toBe(false)
          }
    }),
    { seed: 1, numRuns: 4_000 },
  )
})

test('the first group of every rule is the token and begins at the start of the match', () => {
  fc.assert(
    fc.property(text, (line) => {
      for (const { pattern } of families.flatMap(({ rules }) => rules)) {
        pattern.lastIndex = 0
        const match = pattern.exec(`${line}\n`)
        if (match) {
          expect(match[1]).not.toBe('')
          expect(match[0].startsWith(match[1]!)).toBe(true)
        }
      }
    }),
    { seed: 1, numRuns: 1_000 },
  )
})

test('ptbTokenize() is idempotent on tokens joined by spaces', () => {
  const tokens = "a man 's t-shirt says `` no. 5 '' at 10:30 a.m. , and the dogs run -- fast ..."
  expect(ptbTokenize(tokens).join(' ')).toBe(tokens)
})
