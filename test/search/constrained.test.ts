import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  constrainedChooser,
  lengthNormalisedRanker,
  logProbRanker,
  noRepeatedWord,
  type Requirement,
  requirementAutomaton,
  search,
} from '../../src/search/index.ts'
import { randomScorer, type Scorer, stepperOf } from './scorer.ts'

const END = 2
const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 })
const sequence = fc.array(fc.integer({ min: 4, max: 6 }), { minLength: 1, maxLength: 2 })
const requirements = fc.array(fc.array(sequence, { minLength: 1, maxLength: 2 }), { minLength: 0, maxLength: 2 })

interface Found {
  readonly words: readonly number[]
  readonly logProb: number
  readonly finished: boolean
}

/** The number of requirements that words meet, by looking for each sequence at each place. */
const metIn = (words: readonly number[], all: readonly Requirement[]): number =>
  all.filter((sequences) =>
    sequences.some((wanted) => words.some((_, start) => wanted.every((word, i) => words[start + i] === word))),
  ).length

/** Every caption: those that meet most come first, finished before cut ones, then the better score. */
function exhaustive(scorer: Scorer, image: number, all: readonly Requirement[], maxLength: number): Found[] {
  const found: Found[] = []
  const visit = (words: readonly number[], logProb: number): void => {
    const finished = words.at(-1) === END
    if (finished || words.length === maxLength) found.push({ words, logProb, finished })
    else
      for (const [i, each] of scorer.next(image, words).entries()) visit([...words, scorer.words[i]!], logProb + each)
  }
  visit([], 0)
  return found.sort(
    (a, b) =>
      metIn(b.words, all) - metIn(a.words, all) || Number(b.finished) - Number(a.finished) || b.logProb - a.logProb,
  )
}

const wordsOf = (found: readonly Found[]) => found.map(({ words }) => words)

test('finds what exhaustive search finds with a beam of every caption', async () => {
  await fc.assert(
    fc.asyncProperty(seeds, requirements, fc.integer({ min: 2, max: 3 }), async (seed, all, maxLength) => {
      const scorer = randomScorer(seed, 4)
      const chooser = constrainedChooser([requirementAutomaton(all)])
      const [found] = await search(stepperOf(scorer).stepper, 1, { beam: 4 ** maxLength, maxLength, chooser })
      const expected = exhaustive(scorer, 0, all, maxLength)
      expect(wordsOf(found!)).toEqual(wordsOf(expected))
      for (const [i, { logProb }] of found!.entries()) expect(logProb).toBeCloseTo(expected[i]!.logProb, 5)
    }),
    { seed: 1, numRuns: 100 },
  )
})

/** Constrained beam search by its definition, with the states of the automaton but no pruning and no early stop. */
function plain(
  scorer: Scorer,
  all: readonly Requirement[],
  { beam, maxLength, score }: { beam: number; maxLength: number; score: (found: Found) => number },
): Found[] {
  const automaton = requirementAutomaton(all)
  const stateOf = (words: readonly number[]): number => words.reduce((at, word) => automaton.next(at, word), 0)
  let growing: Found[] = [{ words: [], logProb: 0, finished: false }]
  const finished: Found[] = []
  for (let length = 0; length < maxLength; length++) {
    const candidates = growing.flatMap(({ words, logProb }) =>
      [...scorer.next(0, words)].map((each, i) => ({
        words: [...words, scorer.words[i]!],
        logProb: logProb + each,
        finished: scorer.words[i] === END,
      })),
    )
    growing = []
    for (let state = 0; state < automaton.states; state++) {
      const here = candidates.filter(({ words }) => stateOf(words) === state).sort((a, b) => b.logProb - a.logProb)
      const kept = here.filter((each) => !each.finished).slice(0, beam)
      const met = kept.length < beam ? here.length : here.indexOf(kept.at(-1)!)
      finished.push(...here.slice(0, met).filter((each) => each.finished))
      growing.push(...kept)
    }
  }
  const order = (a: Found, b: Found): number =>
    metIn(b.words, all) - metIn(a.words, all) || Number(b.finished) - Number(a.finished) || score(b) - score(a)
  const cut = growing.map((each) => ({ ...each, finished: false }))
  return [...finished.sort((a, b) => score(b) - score(a)), ...cut].sort(order).slice(0, beam)
}

for (const [name, ranker] of Object.entries({ 'log-probability': logProbRanker, mean: lengthNormalisedRanker(1) }))
  test(`finds the captions of an unpruned search for any beam, ranked by ${name}, also when it keeps fewer`, async () => {
    await fc.assert(
      fc.asyncProperty(
        seeds,
        fc.array(fc.array(sequence, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 2 }),
        fc.integer({ min: 1, max: 3 }),
        async (seed, all, beam) => {
          const scorer = randomScorer(seed, 8)
          const maxLength = 4
          const chooser = constrainedChooser([requirementAutomaton(all)])
          const score = ({ words, logProb }: Found): number => ranker.score(logProb, words.length)
          const expected = plain(scorer, all, { beam, maxLength, score })
          const full = expected.filter(({ words, finished }) => finished && metIn(words, all) === all.length)
          const [found] = await search(stepperOf(scorer).stepper, 1, { beam, maxLength, chooser, ranker })
          // once there are enough captions that meet all, the others are pruned; before that all are found
          expect(wordsOf(found!).slice(0, full.length)).toEqual(wordsOf(full))
          if (full.length < beam) expect(wordsOf(found!)).toEqual(wordsOf(expected))
          const [kept] = await search(stepperOf(scorer).stepper, 1, { beam, maxLength, chooser, ranker, keep: 1 })
          if (full.length > 0) expect(wordsOf(kept!)).toEqual(wordsOf(full.slice(0, 1)))
        },
      ),
      { seed: 2, numRuns: 150 },
    )
  })

test('each image has requirements of its own, and filters hold', async () => {
  const scorer = randomScorer(5, 9)
  const automata = [[[[10]]], [], [[[9], [8]], [[7]]]].map(requirementAutomaton)
  const chooser = constrainedChooser(automata)
  const filters = [noRepeatedWord(Array.from({ length: 8 }, (_, i) => [i + 4]))]
  const found = await search(stepperOf(scorer).stepper, 3, { beam: 3, maxLength: 6, chooser, filters, keep: 1 })
  expect(found[0]![0]!.words).toContain(10)
  expect(found[2]![0]!.words).toContain(7)
  expect(found[2]![0]!.words.some((word) => word === 8 || word === 9)).toBe(true)
  for (const [best] of found) expect(new Set(best!.words).size).toBe(best!.words.length)
  const alone = stepperOf(scorer, () => 1).stepper
  expect(found[1]).toEqual((await search(alone, 1, { beam: 3, maxLength: 6, filters, keep: 1 }))[0])
})
