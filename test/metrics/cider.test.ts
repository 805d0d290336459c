import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cider, type Pair, type Score, scorePairs } from '../../src/metrics/index.ts'

const score = (pairs: readonly Pair[]): Score => scorePairs(cider, pairs).get('CIDEr')!
const pair = (candidate: string, ...references: string[]): Pair => ({
  candidate: candidate.split(' '),
  references: references.map((reference) => reference.split(' ')),
})

/** CIDEr-D by its formula, on strings: dense vectors over all n-grams of one order. */
function bruteForce(pairs: readonly Pair[]): number[] {
  const grams = (tokens: readonly string[], n: number): string[] =>
    tokens.slice(n - 1).map((_, i) => tokens.slice(i, i + n).join('\0'))
  return pairs.map(({ candidate, references }) => {
    const similarities = references.map((reference) => {
      let sum = 0
      for (let n = 1; n <= 4; n++) {
        const all = [...new Set([...grams(candidate, n), ...grams(reference, n)])]
        const idf = all.map((gram) => {
          const images = pairs.filter((other) =>
            other.references.some((tokens) => grams(tokens, n).includes(gram)),
          ).length
          return Math.log(pairs.length / Math.max(1, images))
        })
        const vector = (tokens: readonly string[]): number[] =>
          all.map((gram, i) => grams(tokens, n).filter((other) => other === gram).length * idf[i]!)
        const [c, r] = [vector(candidate), vector(reference)]
        const norm = (v: number[]): number => Math.sqrt(v.reduce((squares, x) => squares + x * x, 0))
        const product = c.reduce((total, x, i) => total + Math.min(x, r[i]!) * r[i]!, 0)
        if (norm(c) > 0 && norm(r) > 0) sum += product / (norm(c) * norm(r))
      }
      const bigrams = grams(candidate, 2).length - grams(reference, 2).length
      return (sum / 4) * Math.exp(-(bigrams ** 2) / 72)
    })
    return (10 * similarities.reduce((total, x) => total + x, 0)) / references.length
  })
}

const words = fc.array(fc.constantFrom('a', 'dog', 'runs', '犬', 'fast', 'on', 'grass'), { maxLength: 9 })
const pairs = fc.array(fc.record({ candidate: words, references: fc.array(words, { minLength: 1, maxLength: 5 }) }), {
  minLength: 1,
  maxLength: 8,
})

describe('cider', () => {
  test('equals its formula on strings', () => {
    fc.assert(
      fc.property(pairs, (all) => {
        const expected = bruteForce(all)
        expect(score(all).each).toEqual(expected.map((value) => expect.closeTo(value, 9)))
        expect(score(all).corpus).toBeCloseTo(expected.reduce((sum, x) => sum + x, 0) / all.length, 9)
      }),
      { seed: 1 },
    )
  })

  test('is 10 for a caption equal to its only reference, and 0 for one without common words', () => {
    const all = [pair('a brown dog runs', 'a brown dog runs'), pair('x y', 'two cats sleep in boxes')]
    expect(score(all).each).toEqual([expect.closeTo(10, 9), 0])
  })

  test('is 0 for one image alone, where every idf is 0', () => {
    expect(score([pair('a brown dog runs', 'a brown dog runs')])).toMatchObject({ corpus: 0, each: [0] })
  })

  test('does not depend on the order of images or of references', () => {
    fc.assert(
      fc.property(pairs, (all) => {
        const turned = all.map((one) => ({ ...one, references: [...one.references].reverse() })).reverse()
        expect(score(turned).each.toReversed()).toEqual(score(all).each.map((value) => expect.closeTo(value, 9)))
      }),
      { seed: 1 },
    )
  })

  test('does not reward repeated words', () => {
    const others = [pair('two cats', 'two cats'), pair('red car', 'red car')]
    const once = score([pair('dog runs', 'dog runs'), ...others]).each[0]!
    const thrice = score([pair('dog dog dog runs', 'dog runs'), ...others]).each[0]!
    expect(thrice).toBeLessThan(once)
  })

  test('returns the same scores when prepared references are reused', () => {
    const scorer = cider.prepare([[['a', 'b', 'c']], [['d', 'e']]])
    const again = () => [...scorer.score([['a', 'b'], ['d']])].map(([name, { each }]) => [name, each])
    const first = again()
    scorer.score([
      ['a', 'b', 'c'],
      ['new', 'words', 'd', 'e'],
    ])
    expect(again()).toEqual(first)
  })
})
