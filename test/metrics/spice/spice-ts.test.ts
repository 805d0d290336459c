import { existsSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Pair, scorePairs, spiceTs } from '../../../src/metrics/index.ts'
import { captionTokens } from '../../../src/text/ptb.ts'

const metric = await spiceTs()
const scores = (pairs: readonly Pair[]) => scorePairs(metric, pairs)
const pair = (candidate: string, ...references: string[]): Pair => ({
  candidate: captionTokens(candidate),
  references: references.map(captionTokens),
})
const captions = fc.constantFrom(
  'a big red dog runs on the grass',
  'two dogs play with a ball',
  'a puppy sleeps',
  'a man riding a bicycle',
  'three black cats',
  '犬 が 走る',
  '',
)

describe('SPICE-ts', () => {
  test('is the F-measure of tuples against the union of the references', () => {
    // Candidate: dog, dog red. References: dog, ball, dog run, dog - with - ball. One match: 1 of 2 and 1 of 4.
    const found = scores([pair('a red dog', 'a dog runs', 'a dog with a ball')])
    expect(found.get('SPICE-ts')!.corpus).toBeCloseTo((2 * 1) / (2 + 4), 12)
    expect(found.get('SPICE-ts_object')!.corpus).toBeCloseTo((2 * 1) / (1 + 2), 12)
    expect(found.get('SPICE-ts_relation')!.corpus).toBe(0)
    expect(found.get('SPICE-ts_color')!.corpus).toBe(0)
    expect(found.get('SPICE-ts_count')!.each).toEqual([Number.NaN])
  })

  test('matches synonyms', () => {
    const found = scores([pair('a man rides a bike', 'an adult male rides a bicycle')])
    expect(found.get('SPICE-ts_object')!.corpus).toBeGreaterThan(0)
    expect(scores([pair('a bike', 'a bicycle')]).get('SPICE-ts')!.corpus).toBe(1)
  })

  test('ignores images without tuples of a part in the mean of that part', () => {
    const found = scores([pair('two dogs', 'two dogs'), pair('a dog', 'a dog')])
    expect(found.get('SPICE-ts_count')!).toMatchObject({ corpus: 1, each: [1, Number.NaN] })
  })

  test('is in 0..1, is 1 for a caption equal to its only reference, and does not depend on the order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(captions, fc.array(captions, { minLength: 1, maxLength: 4 })), {
          minLength: 1,
          maxLength: 4,
        }),
        (all) => {
          const pairs = all.map(([candidate, references]) => pair(candidate, ...references))
          const { corpus, each } = scores(pairs).get('SPICE-ts')!
          for (const score of [corpus, ...each]) expect(score >= 0 && score <= 1).toBe(true)
          const turned = pairs
            .toReversed()
            .map(({ candidate, references }) => ({ candidate, references: references.toReversed() }))
          const other = scores(turned).get('SPICE-ts')!
          expect(other.corpus).toBeCloseTo(corpus, 12)
          for (const [candidate] of all)
            if (/[a-z]/.test(candidate)) expect(scores([pair(candidate, candidate)]).get('SPICE-ts')!.corpus).toBe(1)
        },
      ),
      { seed: 1, numRuns: 60 },
    )
  })

  // Official SPICE scores .4000 and .1500. Another parser differs by one or two of about ten tuples on each of two
  // images.
  const golden = new URL('../../../../shared/golden/metrics/', import.meta.url)
  test.skipIf(!existsSync(golden))(
    "ranks clipscore's examples as SPICE does, with similar scores (needs ../shared)",
    () => {
      const of = (name: string): number => {
        const { refs, cands } = JSON.parse(readFileSync(new URL(`clipscore_${name}.json`, golden), 'utf8'))
        return scores(Object.keys(refs).map((id) => pair(cands[id][0], ...refs[id]))).get('SPICE-ts')!.corpus
      }
      expect(Math.abs(of('good') - 0.4)).toBeLessThan(0.06)
      expect(Math.abs(of('bad') - 0.15)).toBeLessThan(0.06)
    },
  )
})
