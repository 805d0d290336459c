import { expect, test } from 'vitest'
import { conceptValues } from '../../src/caption/concept-values.ts'
import { formatDetector, parseDetector } from '../../src/caption/stored-detector.ts'
import { UserError } from '../../src/errors.ts'
import { Vocabulary } from '../../src/text/vocabulary.ts'
import { source } from '../train/world.ts'

const vocabulary = Vocabulary.build([['a', 'red', 'dog']], { minCount: 1 })
const info = { words: ['dog', 'red', 'cat'], features: source, meanAveragePrecision: 0, averagePrecision: {} }

test('a concept is worth its confidence times the logarithm of how rare its word is', () => {
  const values = conceptValues({ info: { ...info, imageShares: [0.5, 0.125, 0] }, weights: new Map() }, vocabulary)!
  const found = values([
    { word: 'red', score: 0.5 },
    { word: 'dog', score: 0.9 },
    { word: 'cat', score: 0.9 },
  ])
  expect(found.get(vocabulary.id('red'))).toBeCloseTo(0.5 * Math.log(8), 12)
  expect(found.get(vocabulary.id('dog'))).toBeCloseTo(0.9 * Math.log(2), 12)
  expect(found.get(vocabulary.id('cat'))).toBe(0)
})

test('a detector without shares has no values', () => {
  expect(conceptValues({ info, weights: new Map() }, vocabulary)).toBeUndefined()
})

test.each([
  [[0.5], /imageShares has 1 numbers and should have one for each of the 3 words/],
  [[0.5, 2, 0], /imageShares/],
  [[0.5, -1, 0], /imageShares/],
])('shares %j of a stored detector are refused, with its file', (imageShares, why) => {
  const json = { value: JSON.parse(formatDetector({ ...info, imageShares })), path: 'detector.json' }
  const parse = () => parseDetector(json, { tensors: new Map(), path: 'detector.safetensors' })
  expect(parse).toThrow(UserError)
  expect(parse).toThrow('detector.json')
  expect(parse).toThrow(why)
})
