import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  bestChooser,
  type Filter,
  lengthNormalisedRanker,
  logProbRanker,
  minLength,
  noBadEnding,
  noRepeatedNgram,
  noRepeatedWord,
  type Ranker,
  search,
  wordRescorer,
  wuRanker,
} from '../../src/search/index.ts'
import { randomScorer, type Scorer, stepperOf } from './scorer.ts'

/** A filter beside its definition: whether a word may follow a prefix. */
interface FilterCase {
  readonly filter: Filter
  allows(prefix: readonly number[], word: number): boolean
}

const END = 2
const filterCases: Readonly<Record<string, readonly FilterCase[]>> = {
  'no filter': [],
  'a minimum length': [{ filter: minLength(2), allows: (prefix, word) => word !== END || prefix.length >= 2 }],
  'no word twice': [{ filter: noRepeatedNgram(1), allows: (prefix, word) => !prefix.includes(word) }],
  'no two words twice': [{ filter: noRepeatedNgram(2), allows: (prefix, word) => !repeats([...prefix, word], 2) }],
  'no bad ending': [
    {
      filter: noBadEnding(new Set([4, 6])),
      allows: (prefix, word) => word !== END || ![4, 6].includes(prefix.at(-1)!),
    },
  ],
  'no content word twice, 4 and 5 in one class, 6 in none': [
    {
      filter: noRepeatedWord([[4, 5], [7]]),
      allows: (prefix, word) => {
        const same = [4, 5].includes(word) ? [4, 5] : word === 7 ? [7] : []
        return !prefix.some((before) => same.includes(before))
      },
    },
  ],
  'a minimum length and no word twice': [
    { filter: minLength(1), allows: (prefix, word) => word !== END || prefix.length >= 1 },
    { filter: noRepeatedNgram(1), allows: (prefix, word) => !prefix.includes(word) },
  ],
}

/** Whether any n words in a row come twice. */
function repeats(words: readonly number[], n: number): boolean {
  const grams = Array.from({ length: Math.max(0, words.length - n + 1) }, (_, i) => words.slice(i, i + n).join(' '))
  return new Set(grams).size < grams.length
}

const rankers: Readonly<Record<string, Ranker>> = {
  'log-probability': logProbRanker,
  'half length-normalised': lengthNormalisedRanker(0.5),
  'mean per word': lengthNormalisedRanker(1),
  "Wu's length penalty": wuRanker(0.7),
}

const choosers = { best: bestChooser }

interface Found {
  readonly words: readonly number[]
  readonly logProb: number
  readonly finished: boolean
}

/** The allowed continuations of a hypothesis. */
function extended(scorer: Scorer, cases: readonly FilterCase[], { words, logProb }: Found): Found[] {
  const scores = scorer.next(0, words)
  return scorer.words.flatMap((word, i) =>
    cases.every(({ allows }) => allows(words, word))
      ? [{ words: [...words, word], logProb: logProb + scores[i]!, finished: word === END }]
      : [],
  )
}

const ranked = (ranker: Ranker, finished: readonly Found[]): Found[] =>
  finished.toSorted((a, b) => ranker.score(b.logProb, b.words.length) - ranker.score(a.logProb, a.words.length))

/** Every caption that the filters allow, the finished ones by the ranker, then those cut at the longest length. */
function exhaustive(scorer: Scorer, cases: readonly FilterCase[], ranker: Ranker, maxLength: number): Found[] {
  const finished: Found[] = []
  const cut: Found[] = []
  const visit = (hypothesis: Found): void => {
    if (hypothesis.finished) finished.push(hypothesis)
    else if (hypothesis.words.length === maxLength) cut.push(hypothesis)
    else for (const next of extended(scorer, cases, hypothesis)) visit(next)
  }
  visit({ words: [], logProb: 0, finished: false })
  return [...ranked(ranker, finished), ...cut.toSorted((a, b) => b.logProb - a.logProb)]
}

/** Beam search by its definition: no pruning, no early stop. */
function plain(
  scorer: Scorer,
  cases: readonly FilterCase[],
  ranker: Ranker,
  { beam, maxLength }: { beam: number; maxLength: number },
): Found[] {
  let growing: Found[] = [{ words: [], logProb: 0, finished: false }]
  const finished: Found[] = []
  for (let length = 0; length < maxLength; length++) {
    const candidates = growing.flatMap((each) => extended(scorer, cases, each)).sort((a, b) => b.logProb - a.logProb)
    growing = candidates.filter((candidate) => !candidate.finished).slice(0, beam)
    const met = growing.length < beam ? candidates.length : candidates.indexOf(growing.at(-1)!)
    finished.push(...candidates.slice(0, met).filter((candidate) => candidate.finished))
  }
  return [...ranked(ranker, finished), ...growing].slice(0, beam)
}

function expectSame(actual: readonly Found[], expected: readonly Found[]): void {
  expect(actual.map(({ words }) => words)).toEqual(expected.map(({ words }) => words))
  expect(actual.map(({ finished }) => finished)).toEqual(expected.map(({ finished }) => finished))
  for (const [i, { logProb }] of actual.entries()) expect(logProb).toBeCloseTo(expected[i]!.logProb, 5)
}

const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 })

for (const [chooserName, chooser] of Object.entries(choosers))
  for (const [filterName, cases] of Object.entries(filterCases))
    for (const [rankerName, ranker] of Object.entries(rankers))
      describe(`search() with the chooser "${chooserName}", ${filterName}, ranked by ${rankerName}`, () => {
        const filters = cases.map(({ filter }) => filter)

        test('finds what exhaustive search finds with a beam of every caption', async () => {
          await fc.assert(
            fc.asyncProperty(
              seeds,
              fc.integer({ min: 3, max: 4 }),
              fc.integer({ min: 2, max: 4 }),
              async (seed, v, maxLength) => {
                const scorer = randomScorer(seed, v)
                const options = { beam: v ** maxLength, maxLength, chooser, filters, ranker }
                const [found] = await search(stepperOf(scorer).stepper, 1, options)
                expectSame(found!, exhaustive(scorer, cases, ranker, maxLength))
              },
            ),
            { seed: 1, numRuns: 15 },
          )
        })

        test('finds what an unpruned search finds, for any beam, and the same best when it keeps fewer', async () => {
          await fc.assert(
            fc.asyncProperty(
              seeds,
              fc.integer({ min: 4, max: 6 }),
              fc.integer({ min: 1, max: 4 }),
              fc.integer({ min: 3, max: 4 }),
              async (seed, v, beam, maxLength) => {
                const scorer = randomScorer(seed, v)
                const options = { beam, maxLength, chooser, filters, ranker }
                const expected = plain(scorer, cases, ranker, { beam, maxLength })
                const [found] = await search(stepperOf(scorer).stepper, 1, options)
                expectSame(found!, expected)
                const [kept] = await search(stepperOf(scorer).stepper, 1, { ...options, keep: 1 })
                expectSame(kept!, expected.slice(0, 1))
              },
            ),
            { seed: 2, numRuns: 40 },
          )
        })
      })

test('a chooser gets its own column back: tags travel with hypotheses', async () => {
  const seen: number[][] = []
  const tagging: typeof bestChooser = {
    width: bestChooser.width,
    choose(choice, chosen) {
      seen.push([...choice.frontier.tags])
      bestChooser.choose(choice, chosen)
      const { tags, parents } = chosen.next
      for (const [row, parent] of parents.entries()) tags[row] = choice.frontier.tags[parent]! + 1
    },
  }
  await search(stepperOf(randomScorer(3, 6)).stepper, 1, { beam: 2, maxLength: 3, chooser: tagging })
  expect(seen).toEqual([[0], [1, 1], [2, 2]])
})

test('impossible roles are refused', () => {
  expect(() => noRepeatedNgram(0)).toThrow('Cannot forbid repeated 0-grams: n must be at least 1')
  expect(() => lengthNormalisedRanker(-1)).toThrow('Cannot rank with a length penalty of -1: it must be at least 0')
  expect(() => wuRanker(Number.NaN)).toThrow("Cannot rank with Wu's length penalty of NaN: it must be at least 0")
})

describe('wordRescorer()', () => {
  test('the best of the beam is that of score and word values, each word counted once, found by trying all', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 6 }), async (seed, beam) => {
        const scorer = randomScorer(seed, 5)
        const values = [0, 1].map((image) => new Map([4, 5, 6].map((word) => [word, ((seed * word + image) % 7) / 4])))
        const ranker = lengthNormalisedRanker(1)
        const options = { beam, maxLength: 5, ranker }
        const { stepper } = stepperOf(scorer)
        const found = await search(stepper, 2, { ...options, keep: beam })
        const chosen = await search(stepper, 2, { ...options, keep: 1, rescorer: wordRescorer(values, 1) })
        for (const [image, hypotheses] of found.entries()) {
          const finished = hypotheses.filter((each) => each.finished)
          const scoreOf = ({ words, wordLogProbs }: (typeof hypotheses)[number]): number => {
            let score = wordLogProbs.reduce((sum, each) => sum + each, 0) / words.length
            for (const [word, value] of values[image]!) if (words.includes(word)) score += value
            return score
          }
          const among = finished.length > 0 ? finished : hypotheses
          const best = Math.max(...among.map(scoreOf))
          expect(chosen[image]).toHaveLength(1)
          expect(chosen[image]![0]!.finished).toBe(finished.length > 0)
          expect(scoreOf(chosen[image]![0]!)).toBeCloseTo(best, 9)
          expect(among.map(({ words }) => words.join())).toContain(chosen[image]![0]!.words.join())
        }
      }),
    )
  })

  test('a word of value makes the caption that has it the first, and changes no probability', async () => {
    const { stepper } = stepperOf(randomScorer(3, 5))
    const options = { beam: 6, maxLength: 5 }
    const [plain] = await search(stepper, 1, options)
    const word = [4, 5, 6, 7].find(
      (each) => !plain![0]!.words.includes(each) && plain!.some(({ words }) => words.includes(each)),
    )!
    const [moved] = await search(stepper, 1, { ...options, rescorer: wordRescorer([new Map([[word, 100]])], 1) })
    expect(moved![0]!.words).toContain(word)
    const key = ({ words, logProb }: { words: readonly number[]; logProb: number }) => `${words.join()} ${logProb}`
    expect(moved!.map(key).sort()).toEqual(plain!.map(key).sort())
  })
})
