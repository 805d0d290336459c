import fc from 'fast-check'
import { expect, test } from 'vitest'
import { diverseChooser, lengthNormalisedRanker, logProbRanker, type Ranker, search } from '../../src/search/index.ts'
import { randomScorer, type Scorer, stepperOf } from './scorer.ts'

const END = 2
const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 })

interface Found {
  readonly words: readonly number[]
  readonly logProb: number
  /** the log-probability without what diversity took */
  readonly score: number
}

interface Sizes {
  readonly groups: number
  readonly share: number
  readonly strength: number
  readonly size: number
  readonly maxLength: number
  readonly ranker: Ranker
}

/** Diverse beam search as the paper's algorithm 1 says, over all words: the captions of each group. */
function plain(scorer: Scorer, { groups, share, strength, size, maxLength, ranker }: Sizes): Found[][] {
  const start: Found = { words: [], logProb: 0, score: 0 }
  const growing = Array.from({ length: groups }, () => [start])
  const finished: Found[][] = growing.map(() => [])
  const rank = ({ score, words }: Found): number => ranker.score(score, words.length)
  const sorted = (all: readonly Found[]): Found[] => all.toSorted((a, b) => rank(b) - rank(a)).slice(0, size)
  for (let length = 1; length <= maxLength; length++) {
    const taken: number[] = []
    for (let group = 0; group < groups; group++) {
      const candidates = growing[group]!.flatMap(({ words, logProb, score }) =>
        [...scorer.next(0, words)].map((each, i) => {
          const word = scorer.words[i]!
          const penalty = strength * taken.filter((other) => other === word).length
          return { words: [...words, word], logProb: logProb + each, score: score + each - penalty }
        }),
      ).sort((a, b) => b.score - a.score)
      const chosen: Found[] = []
      growing[group] = []
      for (const candidate of candidates) {
        const best = sorted(finished[group]!)
        const hopeless = best.length === size && ranker.bound(candidate.score, length, maxLength) <= rank(best.at(-1)!)
        if (growing[group]!.length === share || hopeless) break
        if (candidate.words.at(-1) === END) finished[group]!.push(candidate)
        else growing[group]!.push(candidate)
        chosen.push(candidate)
      }
      taken.push(...chosen.map(({ words }) => words.at(-1)!))
    }
  }
  return finished.map((all, group) => [...sorted(all), ...growing[group]!].slice(0, size))
}

for (const [name, ranker] of Object.entries({ 'log-probability': logProbRanker, mean: lengthNormalisedRanker(1) }))
  test(`finds what the algorithm of the paper finds, ranked by ${name}`, async () => {
    await fc.assert(
      fc.asyncProperty(
        seeds,
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom(0, 0.5, 3),
        fc.boolean(),
        async (seed, groups, share, strength, all) => {
          const scorer = randomScorer(seed, 8)
          const [beam, maxLength] = [groups * share, 5]
          const keep = all ? beam : groups
          const size = keep / groups
          const expected = plain(scorer, { groups, share, strength, size, maxLength, ranker })
          const chooser = diverseChooser(groups, strength)
          const [found] = await search(stepperOf(scorer).stepper, 1, { beam, maxLength, chooser, ranker, keep })
          const inTurns = Array.from({ length: size }, (_, place) => expected.map((each) => each[place]!)).flat()
          expect(found!.map(({ words }) => words)).toEqual(inTurns.map(({ words }) => words))
          for (const [i, { logProb }] of found!.entries()) expect(logProb).toBeCloseTo(inTurns[i]!.logProb, 5)
        },
      ),
      { seed: 1, numRuns: 200 },
    )
  })

test('the first caption is that of a beam search with the first group’s part of the beam', async () => {
  const scorer = randomScorer(9, 30)
  const [plainly] = await search(stepperOf(scorer).stepper, 1, { beam: 2, maxLength: 6, keep: 1 })
  const chooser = diverseChooser(3, 1)
  const [found] = await search(stepperOf(scorer).stepper, 1, { beam: 6, maxLength: 6, keep: 3, chooser })
  expect(found![0]).toEqual(plainly![0])
  expect(new Set(found!.map(({ words }) => words[0])).size).toBeGreaterThan(1)
})

test('impossible groups are refused', async () => {
  expect(() => diverseChooser(0, 1)).toThrow('Cannot search with 0 groups: it must be a whole number of at least 1')
  expect(() => diverseChooser(2, -1)).toThrow('Cannot search with a diversity of -1: it must be at least 0')
  const chooser = diverseChooser(2, 1)
  await expect(search(stepperOf(randomScorer(1, 5)).stepper, 1, { beam: 3, chooser })).rejects.toThrow(
    'Cannot search with 2 groups and a beam of 3: it must be a multiple',
  )
})
