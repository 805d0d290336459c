import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Pair, rouge, scorePairs } from '../../src/metrics/index.ts'

const score = (pairs: readonly Pair[]) => scorePairs(rouge, pairs).get('ROUGE_L')!
const words = fc.array(fc.constantFrom('a', 'dog', 'runs', '犬'), { maxLength: 7 })

/** The longest common subsequence by trying every choice of words. */
function longest(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return 0
  const without = longest(a.slice(1), b)
  const at = b.indexOf(a[0]!)
  return at < 0 ? without : Math.max(without, 1 + longest(a.slice(1), b.slice(at + 1)))
}

describe('rouge', () => {
  test('is the F-measure of the longest common subsequence, found by exhaustive search', () => {
    fc.assert(
      fc.property(words, fc.array(words, { minLength: 1, maxLength: 3 }), (candidate, references) => {
        const common = references.map((reference) => longest(candidate, reference))
        const precision = Math.max(...common.map((length) => length / Math.max(1, candidate.length)))
        const recall = Math.max(...common.map((length, i) => length / Math.max(1, references[i]!.length)))
        const expected = precision === 0 ? 0 : (2.44 * precision * recall) / (recall + 1.44 * precision)
        expect(score([{ candidate, references }]).corpus).toBeCloseTo(expected, 12)
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  test('is 1 for a caption equal to a reference, and averages over images', () => {
    const pairs = [
      {
        candidate: ['a', 'dog'],
        references: [
          ['two', 'cats'],
          ['a', 'dog'],
        ],
      },
      { candidate: [], references: [['a']] },
    ]
    expect(score(pairs)).toMatchObject({ corpus: 0.5, each: [1, 0] })
  })
})
