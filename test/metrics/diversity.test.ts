import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UserError } from '../../src/errors.ts'
import {
  cider,
  ciderOf,
  diversity,
  documentFrequencies,
  readFrequencies,
  scorePairs,
  selfCider,
  writeFrequencies,
} from '../../src/metrics/index.ts'
import { eigenvalues } from '../../src/metrics/self-cider.ts'

const split = (caption: string): string[] => caption.split(' ')
const captions = ['a dog runs', 'a cat sits', 'two birds fly', 'the red car'].map(split)
const frequencies = documentFrequencies(captions.map((caption) => [caption]))

describe('diversity()', () => {
  test('computes length, vocabulary, distinct-1, distinct-2 and novelty', () => {
    const found = diversity([[split('a dog runs')], [split('a dog sits')]], {
      training: new Set(['a dog runs']),
      documentFrequencies: frequencies,
    })
    expect(found).toEqual({ captions: 2, length: 3, vocabulary: 4, distinct_1: 4 / 6, distinct_2: 3 / 4, novel: 0.5 })
  })
})

describe('selfCider()', () => {
  test('is 0 for equal captions, 1 for captions with nothing in common, and in between for others', () => {
    const same = [captions[0]!, captions[0]!, captions[0]!]
    expect(selfCider([same], frequencies)).toBeCloseTo(0, 9)
    expect(selfCider([[captions[2]!, captions[3]!]], frequencies)).toBeCloseTo(1, 9)
    const middle = selfCider([[captions[0]!, captions[1]!, captions[2]!]], frequencies)
    expect(middle).toBeGreaterThan(0.5)
    expect(middle).toBeLessThan(1)
    expect(selfCider([same, [captions[2]!, captions[3]!]], frequencies)).toBeCloseTo(0.5, 9)
  })

  // With self-similarity s and mutual similarity t, the kernel of two captions has eigenvalues s + t and s - t.
  test('equals its formula for two captions', () => {
    const pair = [captions[0]!, captions[1]!]
    const similarity = (candidate: string[], reference: string[]): number =>
      scorePairs(ciderOf({ documentFrequencies: frequencies, plain: true }), [
        { candidate, references: [reference] },
      ]).get('CIDEr_plain')!.corpus
    const [self, other] = [similarity(pair[0]!, pair[0]!), similarity(pair[0]!, pair[1]!)]
    const [large, small] = [Math.sqrt(self + other), Math.sqrt(self - other)]
    expect(other).toBeGreaterThan(0)
    expect(selfCider([pair], frequencies)).toBeCloseTo(-Math.log2(large / (large + small)), 9)
  })

  test('refuses an image with one caption', () => {
    const images = [captions, [captions[0]!]]
    expect(() => selfCider(images, frequencies)).toThrow(
      new RangeError('Cannot compute Self-CIDEr: image 1 has fewer than two captions; leave it out'),
    )
  })

  test('eigenvalues() returns the eigenvalues that a symmetric matrix was constructed from', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 5, noNaN: true }), { minLength: 2, maxLength: 5 }), (values) => {
        // A Householder reflection of a diagonal matrix keeps its eigenvalues.
        const v = values.map((_, i) => i + 1)
        const norm = v.reduce((sum, x) => sum + x * x, 0)
        const h = v.map((x, i) => v.map((y, j) => (i === j ? 1 : 0) - (2 * x * y) / norm))
        const matrix = h.map((row) => h.map((other) => values.reduce((sum, d, k) => sum + row[k]! * d * other[k]!, 0)))
        const found = eigenvalues(matrix).sort((a, b) => a - b)
        const expected = values.toSorted((a, b) => a - b)
        expect(found).toEqual(expected.map((value) => expect.closeTo(value, 6)))
      }),
      { seed: 1 },
    )
  })
})

describe('document frequencies', () => {
  const pairs = captions.map((caption, i) => ({
    candidate: captions[(i + 1) % 4]!.concat(caption),
    references: [caption],
  }))

  test('give the same scores after saving and reading', () => {
    const saved = readFrequencies(JSON.parse(JSON.stringify(writeFrequencies(frequencies))))
    const own = scorePairs(cider, pairs).get('CIDEr')!
    const read = scorePairs(ciderOf({ documentFrequencies: saved }), pairs).get('CIDEr')!
    expect(own.corpus).toBeGreaterThan(1)
    expect(read.each).toEqual(own.each.map((score) => expect.closeTo(score, 12)))
  })

  test('of a larger corpus make the score of one image positive', () => {
    const one = scorePairs(ciderOf({ documentFrequencies: frequencies }), [
      { candidate: captions[0]!, references: [captions[0]!] },
    ])
    expect(one.get('CIDEr')!.corpus).toBeGreaterThan(7)
  })

  const deep = JSON.parse('['.repeat(20_000) + ']'.repeat(20_000))
  const good = { format: 'mia-document-frequencies-1', images: 3, ngrams: { 'a dog': 2 } }
  const brackets = '['.repeat(57)
  test.each<[string, unknown, string]>([
    ['another format', { ...good, format: 'x' }, 'the field "format" is "x"; expected "mia-document-frequencies-1"'],
    ['a nested format', { ...good, format: deep }, `the field "format" is ${brackets}...; expected "mia-`],
    ['no number of images', { ...good, images: undefined }, 'the field "images" is missing; expected at least 1'],
    ['no n-grams', { ...good, ngrams: [1] }, 'the field "ngrams" is [1]; expected an object'],
    [
      'a count above the images',
      { ...good, ngrams: { 'a dog': 4 } },
      'the n-gram "a dog" is in 4 images; expected 1 to 3',
    ],
    ['a count in text', { ...good, ngrams: { a: '2' } }, 'the n-gram "a" is in "2" images; expected 1 to 3'],
    ['a nested count', { ...good, ngrams: { a: deep } }, `the n-gram "a" is in ${brackets}... images; expected 1 to 3`],
  ])('with %s are refused, with field and value', (_, json, message) => {
    expect(() => readFrequencies(json)).toThrow(UserError)
    expect(() => readFrequencies(json)).toThrow(`Cannot read document frequencies: ${message}`)
    expect(() => readFrequencies(json)).toThrow(/; make the file with "mia eval --save-document-frequencies"$/)
  })
})
