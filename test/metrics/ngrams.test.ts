import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Ngrams, ORDERS } from '../../src/metrics/ngrams.ts'

/** Counts of one order by comparing serialised n-grams, sorted. */
function countByStrings(tokens: readonly string[], order: number): number[] {
  const counts = new Map<string, number>()
  for (let i = 0; i + order < tokens.length; i++) {
    const key = JSON.stringify(tokens.slice(i, i + order + 1))
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return [...counts.values()].sort()
}

function countsOf(ngrams: Ngrams, caption: number, order: number): number[] {
  const run = ORDERS * caption + order
  return [...ngrams.counts.slice(ngrams.starts[run]!, ngrams.starts[run + 1]!)].sort()
}

const captions = fc.array(fc.array(fc.constantFrom('a', 'b', 'c', 'constructor', '犬', 'a b'), { maxLength: 12 }), {
  minLength: 1,
  maxLength: 20,
})

test('Ngrams counts like comparing strings', () => {
  fc.assert(
    fc.property(captions, (all) => {
      const ngrams = new Ngrams()
      for (const tokens of all) {
        const caption = ngrams.add(tokens)
        for (let order = 0; order < ORDERS; order++)
          expect(countsOf(ngrams, caption, order)).toEqual(countByStrings(tokens, order))
      }
    }),
    { seed: 1 },
  )
})

test('Ngrams reuses the ids of its base, adds new ids after them, and leaves the base unchanged', () => {
  const base = new Ngrams()
  base.add(['a', 'red', 'dog'])
  const size = base.numbering.size
  const more = new Ngrams(base)
  more.add(['red', 'dog', 'cat'])
  const shared = [...base.ids.slice(0, base.starts.at(-1))]
  const ids = [...more.ids.slice(0, more.starts.at(-1))]
  // red, dog; red dog. New: cat; dog cat; red dog cat.
  expect(ids.filter((id) => shared.includes(id))).toHaveLength(3)
  expect(ids.filter((id) => id >= size)).toHaveLength(3)
  expect(base.numbering.size).toBe(size)
})

test('Ngrams distinguishes 400,006 n-grams', () => {
  const ngrams = new Ngrams()
  for (let i = 0; i < 100_000; i++) ngrams.add([`${i}`, `${i + 1}`, `${i + 2}`, `${i + 3}`])
  // Neighbouring captions share words, bigrams and trigrams.
  expect(ngrams.numbering.size).toBe(100_003 + 100_002 + 100_001 + 100_000)
})
