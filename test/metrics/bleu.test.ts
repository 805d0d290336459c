import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bleu, type MetricName, type Pair, scorePairs } from '../../src/metrics/index.ts'

const pair = (candidate: string, ...references: string[]): Pair => ({
  candidate: candidate.split(' '),
  references: references.map((reference) => reference.split(' ')),
})
const corpus = (name: MetricName, ...pairs: Pair[]): number => scorePairs(bleu, pairs).get(name)!.corpus

/** BLEU by its definition, on strings, with coco-caption's two constants. */
function bruteForce(pairs: readonly Pair[], order: number): number {
  const grams = (tokens: readonly string[], n: number): string[] =>
    tokens.slice(n - 1).map((_, i) => tokens.slice(i, i + n).join('\0'))
  const count = (list: readonly string[], item: string): number => list.filter((other) => other === item).length
  let product = 1
  for (let n = 1; n <= order; n++) {
    let [correct, guessed] = [0, 0]
    for (const { candidate, references } of pairs) {
      const own = grams(candidate, n)
      guessed += own.length
      for (const gram of new Set(own))
        correct += Math.min(
          count(own, gram),
          Math.max(...references.map((reference) => count(grams(reference, n), gram))),
        )
    }
    product *= (correct + 1e-15) / (guessed + 1e-9)
  }
  const length = pairs.reduce((sum, { candidate }) => sum + candidate.length, 0)
  const wanted = pairs.reduce((sum, { candidate, references }) => {
    const byDistance = references
      .map((reference) => [Math.abs(reference.length - candidate.length), reference.length] as const)
      .sort((a, b) => a[0] - b[0] || a[1] - b[1])
    return sum + byDistance[0]![1]
  }, 0)
  const ratio = (length + 1e-15) / (wanted + 1e-9)
  return product ** (1 / order) * (ratio < 1 ? Math.exp(1 - 1 / ratio) : 1)
}

const words = fc.array(fc.constantFrom('a', 'dog', 'runs', '犬', 'fast'), { maxLength: 9 })
const pairs = fc.array(fc.record({ candidate: words, references: fc.array(words, { minLength: 1, maxLength: 5 }) }), {
  minLength: 1,
  maxLength: 6,
})

describe('bleu', () => {
  test("clips a repeated word to its count in one reference: 2/7, the paper's example", () => {
    const score = corpus(
      'Bleu_1',
      pair('the the the the the the the', 'the cat is on the mat', 'there is a cat on the mat'),
    )
    expect(score).toBeCloseTo(2 / 7, 8)
  })

  test('is 1 for a caption equal to its only reference', () => {
    for (const name of bleu.names) expect(corpus(name, pair('a brown dog runs', 'a brown dog runs'))).toBeCloseTo(1, 6)
  })

  test('has no brevity penalty if the shorter of two equally close references is shorter than the candidate', () => {
    expect(corpus('Bleu_1', pair('a b c', 'a b', 'a b c d'))).toBeCloseTo(1, 6)
    expect(corpus('Bleu_1', pair('a b c', 'a b c d', 'a b c d e'))).toBeCloseTo(Math.exp(1 - 4 / 3), 6)
  })

  test('pools counts for the corpus score instead of averaging', () => {
    const [good, bad] = [pair('a b', 'a b'), pair('x y z w', 'a b c d')]
    expect(corpus('Bleu_1', good, bad)).toBeCloseTo(2 / 6, 8)
  })

  test('equals its definition on strings, for corpora and for each image', () => {
    fc.assert(
      fc.property(pairs, (all) => {
        const scores = scorePairs(bleu, all)
        bleu.names.forEach((name, i) => {
          expect(scores.get(name)!.corpus).toBeCloseTo(bruteForce(all, i + 1), 9)
          expect(scores.get(name)!.each).toEqual(all.map((one) => expect.closeTo(bruteForce([one], i + 1), 9)))
        })
      }),
      { seed: 1 },
    )
  })

  test('returns the same scores when prepared references are reused', () => {
    const scorer = bleu.prepare([[['a', 'b', 'c']], [['d', 'e']]])
    const again = () => [...scorer.score([['a', 'b'], ['d']])].map(([name, { each }]) => [name, each])
    const first = again()
    scorer.score([
      ['a', 'b', 'c'],
      ['new', 'words', 'd', 'e'],
    ])
    expect(again()).toEqual(first)
  })

  test('refuses an image without references, and another number of candidates than images', () => {
    expect(() => bleu.prepare([[['a']], []])).toThrow('Cannot score image 1: it has no references')
    expect(() => bleu.prepare([[['a']]]).score([])).toThrow(
      'Cannot score 0 candidates: there are references for 1 images',
    )
  })
})
