import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { search } from '../../src/search/index.ts'
import { randomScorer, type Scorer, stepperOf } from './scorer.ts'

interface Found {
  words: number[]
  logProb: number
  finished: boolean
}

const logProbOf = (scorer: Scorer, image: number, words: readonly number[]): number =>
  words.reduce((sum, word, t) => sum + scorer.next(image, words.slice(0, t))[scorer.words.indexOf(word)]!, 0)

/** Every caption there is: those that end within `maxLength` words, best first, then those cut at `maxLength`. */
function exhaustive(scorer: Scorer, image: number, maxLength: number): Found[] {
  const all: Found[] = []
  const visit = (words: number[]): void => {
    const finished = words.at(-1) === 2
    if (finished || words.length === maxLength) all.push({ words, finished, logProb: logProbOf(scorer, image, words) })
    else for (const word of scorer.words) visit([...words, word])
  }
  visit([])
  return all.sort((a, b) => Number(b.finished) - Number(a.finished) || b.logProb - a.logProb)
}

/** Beam search by its definition: no pruning, no early stop, every candidate an object. */
function plainBeam(scorer: Scorer, image: number, beam: number, maxLength: number): Found[] {
  let growing: Found[] = [{ words: [], logProb: 0, finished: false }]
  const finished: Found[] = []
  for (let length = 0; length < maxLength; length++) {
    const candidates = growing
      .flatMap(({ words, logProb }) => {
        const scores = scorer.next(image, words)
        return scorer.words.map((word, i) => ({
          words: [...words, word],
          logProb: logProb + scores[i]!,
          finished: word === 2,
        }))
      })
      .sort((a, b) => b.logProb - a.logProb)
    growing = candidates.filter((candidate) => !candidate.finished).slice(0, beam)
    const met = growing.length < beam ? candidates.length : candidates.indexOf(growing.at(-1)!)
    finished.push(...candidates.slice(0, met).filter((candidate) => candidate.finished))
  }
  return [...finished.sort((a, b) => b.logProb - a.logProb), ...growing].slice(0, beam)
}

const plain = (hypotheses: readonly { words: readonly number[]; logProb: number; finished: boolean }[]) =>
  hypotheses.map(({ words, logProb, finished }) => ({ words: [...words], logProb, finished }))

function expectSame(actual: Found[], expected: Found[]): void {
  expect(actual.map(({ words }) => words)).toEqual(expected.map(({ words }) => words))
  expect(actual.map(({ finished }) => finished)).toEqual(expected.map(({ finished }) => finished))
  for (const [i, { logProb }] of actual.entries()) expect(logProb).toBeCloseTo(expected[i]!.logProb, 10)
}

const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 })

describe('search()', () => {
  test('with a beam of every caption there is gives what exhaustive search gives, in its order', async () => {
    await fc.assert(
      fc.asyncProperty(
        seeds,
        fc.integer({ min: 2, max: 4 }),
        fc.integer({ min: 1, max: 4 }),
        async (seed, v, length) => {
          const scorer = randomScorer(seed, v)
          const { stepper } = stepperOf(scorer)
          const [found] = await search(stepper, 1, { beam: v ** length, maxLength: length })
          expectSame(plain(found!), exhaustive(scorer, 0, length))
        },
      ),
      { seed: 1, numRuns: 60 },
    )
  })

  test('gives what an unpruned search by the definition gives, for any beam', async () => {
    await fc.assert(
      fc.asyncProperty(
        seeds,
        fc.integer({ min: 2, max: 7 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 6 }),
        async (seed, v, beam, maxLength) => {
          const scorer = randomScorer(seed, v)
          const [found] = await search(stepperOf(scorer).stepper, 1, { beam, maxLength })
          expectSame(plain(found!), plainBeam(scorer, 0, beam, maxLength))
        },
      ),
      { seed: 2, numRuns: 200 },
    )
  })

  test('of many images at once gives what it gives one by one, ties and all', async () => {
    await fc.assert(
      fc.asyncProperty(
        seeds,
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 0, max: 3 }),
        async (seed, images, beam, levels) => {
          const scorer = randomScorer(seed, 5, levels)
          const together = await search(stepperOf(scorer).stepper, images, { beam, maxLength: 6 })
          for (let image = 0; image < images; image++) {
            const [alone] = await search(stepperOf(scorer, () => image).stepper, 1, { beam, maxLength: 6 })
            expect(plain(together[image]!)).toEqual(plain(alone!))
          }
        },
      ),
      { seed: 3, numRuns: 100 },
    )
  })

  test('with a beam of 1 takes the most probable word each time', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, fc.integer({ min: 2, max: 8 }), async (seed, v) => {
        const scorer = randomScorer(seed, v)
        const words: number[] = []
        while (words.length < 10 && words.at(-1) !== 2) {
          const scores = scorer.next(0, words)
          words.push(scorer.words[scores.indexOf(Math.max(...scores))]!)
        }
        const [found] = await search(stepperOf(scorer).stepper, 1, { beam: 1, maxLength: 10 })
        expect(found!.map((hypothesis) => hypothesis.words)).toEqual([words])
      }),
      { seed: 4, numRuns: 100 },
    )
  })

  test('keeping fewer gives the same best captions in no more rows', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, fc.integer({ min: 1, max: 5 }), async (seed, beam) => {
        const scorer = randomScorer(seed, 6)
        const all = stepperOf(scorer)
        const [captions] = await search(all.stepper, 1, { beam, maxLength: 8 })
        for (let keep = 1; keep <= beam; keep++) {
          const some = stepperOf(scorer)
          const [kept] = await search(some.stepper, 1, { beam, maxLength: 8, keep })
          expect(plain(kept!)).toEqual(plain(captions!.slice(0, keep)))
          const rows = (calls: typeof some.calls): number => calls.reduce((sum, { images }) => sum + images.length, 0)
          expect(rows(some.calls)).toBeLessThanOrEqual(rows(all.calls))
        }
      }),
      { seed: 5, numRuns: 60 },
    )
  })

  test('returns the log-probability of each word', async () => {
    const scorer = randomScorer(7, 6)
    const { stepper } = stepperOf(scorer)
    const found = await search(stepper, 3, { beam: 4, maxLength: 7 })
    for (const [image, hypotheses] of found.entries()) {
      for (const { words, wordLogProbs, logProb } of hypotheses) {
        expect(wordLogProbs.reduce((sum, value) => sum + value, 0)).toBeCloseTo(logProb, 10)
        for (const [t, word] of words.entries())
          expect(wordLogProbs[t]).toBe(scorer.next(image, words.slice(0, t))[scorer.words.indexOf(word)])
      }
    }
  })

  test('takes finished images out of the batch and asks for one proposal more than the beam', async () => {
    // Image i says word 4 until it is i + 1 words long, then ends: nearly certain each time.
    const scorer: Scorer = {
      words: [2, 4, 5],
      next: (image, prefix) =>
        Float32Array.from(prefix.length <= image ? [0.005, 0.99, 0.005] : [0.99, 0.005, 0.005], Math.log),
    }
    const { stepper, calls } = stepperOf(scorer)
    const found = await search(stepper, 3, { beam: 2, keep: 1 })
    expect(found.map(([best]) => best!.words)).toEqual([
      [4, 2],
      [4, 4, 2],
      [4, 4, 4, 2],
    ])
    expect(calls.map(({ images }) => [...new Set(images)])).toEqual([[0, 1, 2], [0, 1, 2], [1, 2], [2]])
    expect(calls.every(({ width }) => width === 3)).toBe(true)
  })

  test('ranks a caption cut at the longest length below every finished one', async () => {
    const scorer: Scorer = { words: [2, 4], next: () => Float32Array.from([0.1, 0.9], Math.log) }
    const [found] = await search(stepperOf(scorer).stepper, 1, { beam: 3, maxLength: 2 })
    expect(found!.map(({ words, finished }) => ({ words, finished }))).toEqual([
      { words: [2], finished: true },
      { words: [4, 2], finished: true },
      { words: [4, 4], finished: false },
    ])
    const [greedy] = await search(stepperOf(scorer).stepper, 1, { beam: 1 })
    expect(greedy!.map(({ words, finished }) => [words.length, finished])).toEqual([[20, false]])
  })

  test('takes equal candidates in the order of the rows, and of the proposals in a row', async () => {
    const scorer: Scorer = { words: [2, 4, 5, 6], next: () => new Float32Array(4).fill(Math.log(0.25)) }
    const [found] = await search(stepperOf(scorer).stepper, 1, { beam: 3, maxLength: 2 })
    expect(found!.map(({ words }) => words)).toEqual([[2], [4, 2], [4, 4]])
    const [cut] = await search(stepperOf({ ...scorer, words: [7, 4, 5, 6] }).stepper, 1, { beam: 3, maxLength: 2 })
    expect(cut!.map(({ words }) => words)).toEqual([
      [7, 7],
      [7, 4],
      [7, 5],
    ])
  })

  test('of no images asks nothing of the decoder', async () => {
    const { stepper, calls } = stepperOf(randomScorer(1, 4))
    expect(await search(stepper, 0)).toEqual([])
    expect(calls).toEqual([])
  })

  test('refuses impossible options, probabilities that are not numbers, and stops when told', async () => {
    const { stepper } = stepperOf(randomScorer(1, 4))
    await expect(search(stepper, 1, { beam: 0 })).rejects.toThrow('Cannot search with a beam of 0')
    await expect(search(stepper, 1, { maxLength: 1.5 })).rejects.toThrow('a longest length of 1.5')
    await expect(search(stepper, 1, { beam: 2, keep: 3 })).rejects.toThrow('from 1 to the beam, 2')
    const broken = stepperOf({ words: [2, 4], next: () => new Float32Array([Number.NaN, Number.NaN]) })
    await expect(search(broken.stepper, 2)).rejects.toThrow('Cannot decode image 0 of the batch')
    await expect(search(stepper, 1, { signal: AbortSignal.abort() })).rejects.toThrow('aborted')
  })
})
