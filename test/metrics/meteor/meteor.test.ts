import { existsSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { meteor, type Pair, Paraphrases, scorePairs, WordNet } from '../../../src/metrics/index.ts'
import { align, countChunks } from '../../../src/metrics/meteor/align.ts'
import type { Match } from '../../../src/metrics/meteor/match.ts'
import { Matcher } from '../../../src/metrics/meteor/matcher.ts'
import { meteorWords } from '../../../src/metrics/meteor/normalise.ts'
import { captionTokens } from '../../../src/text/ptb.ts'

// ../golden.test.ts compares the scores of 1,008 images with METEOR 1.5.
const wordnet = await WordNet.load()
const metric = meteor(wordnet)
const score = (pairs: readonly Pair[]) => scorePairs(metric, pairs).get('METEOR')!
const pair = (candidate: string, ...references: string[]): Pair => ({
  candidate: candidate.split(' '),
  references: references.map((reference) => reference.split(' ')),
})
const words = fc.array(fc.constantFrom('a', 'dog', 'dogs', 'runs', 'running', 'man', 'guy', 'the', '犬'), {
  maxLength: 8,
})

describe('METEOR', () => {
  // Expected values follow the formulas of the paper; each line has its arithmetic.
  test('equals its formulas, evaluated by hand', () => {
    expect(score([pair('a b', 'a b')]).corpus).toBe(1)
    // One of two content words: P = 1/2, R = 1/2, one chunk of one word: (1 - .6) x .5.
    expect(score([pair('red dog', 'red cat')]).corpus).toBeCloseTo(0.4 * 0.5, 12)
    // A function word weighs a third of a content word: P = R = .25 / 1, (1 - .6) x .25.
    expect(score([pair('the dog', 'the cat')]).corpus).toBeCloseTo(0.4 * 0.25, 12)
    // A stem match weighs .6: P = R = .6; all words match in one chunk, so there is no penalty.
    expect(score([pair('colorful', 'colorfully')]).corpus).toBeCloseTo(0.6, 12)
    expect(score([pair('bike', 'bicycle')]).corpus).toBeCloseTo(0.8, 12)
    // An oddity of METEOR: a match by stem and by synonym weighs 0 in the search, so it is not worth a chunk.
    expect(score([pair('jumps', 'jumping')]).corpus).toBe(0)
  })

  test('counts years, brackets, colons, full stops and the frequent words as function words, and no others', () => {
    // One of two content words matches, (1 - .6) x .5, or a content word of weight .75 beside an unmatched word of
    // weight .25: P = R = .75 / 1.
    for (const word of ['years', '-lrb-', '-rrb-', ':', '.', '?', '(', 'but', 'would', 'the', '$'])
      expect(score([pair(`dog ${word}`, 'dog x')]).corpus, word).toBeCloseTo(0.4 / (0.15 / 0.75 + 0.85 / 0.5), 12)
    for (const word of ['%', 'child', 'year-old', 't', '!', ';', '&', '#'])
      expect(score([pair(`dog ${word}`, 'dog x')]).corpus, word).toBeLessThanOrEqual(0.4 * 0.5 + 1e-12)
  })

  const field = new URL('../../../../shared/cases/meteor-function-words/', import.meta.url)
  test.skipIf(!existsSync(field))(
    "scores captions with function words as METEOR 1.5's Java does (needs ../shared)",
    () => {
      const read = (name: string) => JSON.parse(readFileSync(new URL(name, field), 'utf8'))
      const references: Record<string, string[]> = read('references.json')
      const results: { image_id: string; caption: string }[] = read('results.json')
      const found = score(
        results.map(({ image_id, caption }) => ({
          candidate: captionTokens(caption),
          references: references[image_id]!.map(captionTokens),
        })),
      )
      expect(found.corpus).toBeCloseTo(0.2947, 4)
      ;[0.2245, 0.3144, 0.0584, 0.4039, 0.4795].forEach((value, i) => {
        expect(Math.abs(found.each[i]! - value)).toBeLessThan(1e-4)
      })
    },
  )

  test('takes the reference with the best score, and pools counts for the corpus', () => {
    const both = [pair('red dog', 'a cat', 'red dog'), pair('x', 'y')]
    expect(score(both).each).toEqual([1, 0])
    // 2 of 3 words of the candidates and of the chosen references match, in one chunk.
    expect(score(both).corpus).toBeCloseTo((2 / 3) * (1 - 0.6 * 0.5 ** 0.2), 12)
  })

  test('is in 0..1, is 1 for a caption equal to a reference, and does not depend on the order of images', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(words, words), { minLength: 1, maxLength: 5 }), (captions) => {
        const pairs = captions.map(([candidate, reference]) => ({ candidate, references: [reference] }))
        const { corpus, each } = score(pairs)
        for (const value of [corpus, ...each]) {
          expect(value).toBeGreaterThanOrEqual(0)
          expect(value).toBeLessThanOrEqual(1)
        }
        expect(score(pairs.toReversed()).corpus).toBeCloseTo(corpus, 12)
        for (const { references } of pairs)
          if (references[0]!.length > 0) expect(score([{ candidate: references[0]!, references }]).corpus).toBe(1)
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  test('finds paraphrases in both directions', () => {
    const table = new Paraphrases('0.5\nin front of\nbefore\n0.25\na lot of\nmany\n')
    const found = new Matcher(wordnet, table).matches(
      'many dogs before trees'.split(' '),
      'a lot of dogs in front of trees'.split(' '),
    )
    const phrases = found.flat().filter(({ module }) => module === 3)
    expect(phrases.map(({ candidate, reference }) => [candidate, reference])).toEqual([
      [
        { start: 0, length: 1 },
        { start: 0, length: 3 },
      ],
      [
        { start: 2, length: 1 },
        { start: 4, length: 3 },
      ],
    ])
    const more = scorePairs(meteor(wordnet, table), [pair('many dogs before trees', 'a lot of dogs in front of trees')])
    expect(more.get('METEOR')!.corpus).toBeGreaterThan(
      score([pair('many dogs before trees', 'a lot of dogs in front of trees')]).corpus,
    )
  })

  test('tokenises as METEOR does: punctuation split off, hyphens removed, abbreviations without dots', () => {
    expect(meteorWords("the man 's t-shirt")).toEqual(['the', 'man', "'", 's', 't', 'shirt'])
    expect(meteorWords('the u.s. flag')).toEqual(['the', 'us', 'flag'])
    expect(meteorWords('at st. mary 1,000 & more')).toEqual(['at', 'st.', 'mary', '1,000', '&', 'more'])
    expect(meteorWords('fifth ave.')).toEqual(['fifth', 'ave', '.'])
    expect(meteorWords('pp. 5 “quoted” – dash')).toEqual(['pp.', '5', '"', 'quoted', '"', '-', 'dash'])
    expect(meteorWords('')).toEqual([])
  })
})

describe('align()', () => {
  /** All subsets of single-word matches that share no word. */
  function* choices(matches: readonly Match[]): Generator<Match[]> {
    const [first, ...others] = matches
    if (!first) return yield []
    yield* choices(others)
    const free = others.filter(
      ({ candidate, reference }) =>
        candidate.start !== first.candidate.start && reference.start !== first.reference.start,
    )
    for (const rest of choices(free)) yield [first, ...rest]
  }

  test('covers the most words in the fewest chunks of all choices of exact matches', () => {
    const letters = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 5 })
    fc.assert(
      fc.property(letters, letters, (candidate, reference) => {
        const found: Match[][] = reference.map((word, j) =>
          candidate.flatMap((other, i) =>
            word === other
              ? [{ module: 0, candidate: { start: i, length: 1 }, reference: { start: j, length: 1 } }]
              : [],
          ),
        )
        const chosen = align(found, candidate.length)
        const all = [...choices(found.flat())].map((matches) =>
          matches.toSorted((a, b) => a.reference.start - b.reference.start),
        )
        const most = Math.max(...all.map((matches) => matches.length))
        const fewest = Math.min(...all.filter((matches) => matches.length === most).map(countChunks))
        expect([chosen.length, countChunks(chosen)]).toEqual([most, fewest])
      }),
      { seed: 1, numRuns: 300 },
    )
  })
})
