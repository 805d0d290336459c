import { expect, test } from 'vitest'
import { minLength, sampleChooser, search } from '../../src/search/index.ts'
import { randomScorer, type Scorer, stepperOf } from './scorer.ts'

const END = 2
const options = { temperature: 1, topK: 0, topP: 1, seed: 1, streams: [0] }

/** The probabilities of the words after a prefix, by the definitions of temperature, top-k and top-p. */
function distribution(
  scorer: Scorer,
  prefix: readonly number[],
  { temperature, topK, topP }: { temperature: number; topK: number; topP: number },
): Map<number, number> {
  const weights = [...scorer.next(0, prefix)].map(
    (logProb, i) => [scorer.words[i]!, Math.exp(logProb) ** (1 / temperature)] as const,
  )
  const best = weights.sort(([, a], [, b]) => b - a).slice(0, topK || weights.length)
  const total = best.reduce((sum, [, weight]) => sum + weight, 0)
  const kept: (readonly [number, number])[] = []
  for (let mass = 0; mass < topP * (1 - 1e-9) && kept.length < best.length; mass += kept.at(-1)![1] / total)
    kept.push(best[kept.length]!)
  const sum = kept.reduce((all, [, weight]) => all + weight, 0)
  return new Map(kept.map(([word, weight]) => [word, weight / sum]))
}

/** The probability of every caption. */
function probabilities(scorer: Scorer, how: typeof options, maxLength: number): Map<string, number> {
  const all = new Map<string, number>()
  const visit = (words: readonly number[], probability: number): void => {
    if (words.at(-1) === END || words.length === maxLength) all.set(`${words}`, probability)
    else for (const [word, each] of distribution(scorer, words, how)) visit([...words, word], probability * each)
  }
  visit([], 1)
  return all
}

test.each([
  ['the model', options],
  ['a temperature of 0.5', { ...options, temperature: 0.5 }],
  ['a temperature of 2', { ...options, temperature: 2 }],
  ['the 2 best words', { ...options, topK: 2 }],
  ['a mass of 0.7', { ...options, topP: 0.7 }],
  ['all of these', { ...options, temperature: 1.5, topK: 3, topP: 0.8 }],
])('captions are drawn with the probability that exhaustive search gives them: %s', async (_, how) => {
  const [scorer, samples, maxLength] = [randomScorer(4, 5), 20_000, 3]
  const [found] = await search(stepperOf(scorer).stepper, 1, { beam: samples, maxLength, chooser: sampleChooser(how) })
  expect(found).toHaveLength(samples)
  const counts = new Map<string, number>()
  for (const { words } of found!) counts.set(`${words}`, (counts.get(`${words}`) ?? 0) + 1)
  const expected = probabilities(scorer, how, maxLength)
  for (const caption of counts.keys()) expect(expected.has(caption), caption).toBe(true)
  // Pearson's statistic, of mean k - 1 and variance about 2 (k - 1)
  const usual = [...expected].filter(([, probability]) => probability * samples >= 5)
  const squares = usual.map(([caption, p]) => ((counts.get(caption) ?? 0) - p * samples) ** 2 / (p * samples))
  const degrees = usual.length - 1
  expect(squares.reduce((sum, each) => sum + each, 0)).toBeLessThan(degrees + 4 * Math.sqrt(2 * degrees) + 4)
})

test('log-probabilities are those of the model, and the best come first', async () => {
  const scorer = randomScorer(4, 6)
  const chooser = sampleChooser({ ...options, temperature: 3, topK: 4 })
  const [found] = await search(stepperOf(scorer).stepper, 1, { beam: 50, maxLength: 4, chooser })
  const scores = found!.filter(({ finished }) => finished).map(({ logProb }) => logProb)
  expect(scores).toEqual(scores.toSorted((a, b) => b - a))
  for (const { words, wordLogProbs } of found!)
    for (const [i, logProb] of wordLogProbs.entries())
      expect(logProb).toBeCloseTo(scorer.next(0, words.slice(0, i))[scorer.words.indexOf(words[i]!)]!, 5)
})

test('the same seed and stream give the same samples, whatever images are beside and however many are drawn', async () => {
  const scorer = randomScorer(8, 40)
  const draw = async (images: readonly number[], streams: readonly number[], beam: number, seed = 1) =>
    (
      await search(stepperOf(scorer, (image) => images[image]!).stepper, images.length, {
        beam,
        maxLength: 8,
        chooser: sampleChooser({ ...options, seed, streams }),
      })
    ).map((found) => found.map(({ words }) => `${words}`))
  const [three] = await draw([3], [77], 4)
  expect((await draw([1, 3, 5], [76, 77, 78], 4))[1]).toEqual(three)
  expect((await draw([3], [77], 9))[0]).toEqual(expect.arrayContaining(three!))
  expect((await draw([3], [77], 4, 2))[0]).not.toEqual(three)
  expect((await draw([3], [78], 4))[0]).not.toEqual(three)
})

test('forbidden words are never drawn', async () => {
  const chooser = sampleChooser({ ...options, temperature: 5 })
  const [found] = await search(stepperOf(randomScorer(2, 4)).stepper, 1, {
    beam: 500,
    maxLength: 5,
    chooser,
    filters: [minLength(3)],
  })
  for (const { words } of found!) expect(words.length).toBeGreaterThan(3)
})

test('impossible samplings are refused', () => {
  expect(() => sampleChooser({ ...options, temperature: 0 })).toThrow('a temperature of 0: it must be above 0')
  expect(() => sampleChooser({ ...options, topK: 1.5 })).toThrow('a top-k of 1.5: it must be a whole number')
  expect(() => sampleChooser({ ...options, topP: 0 })).toThrow('a top-p of 0: it must be above 0 and at most 1')
})
