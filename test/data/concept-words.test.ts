import { expect, test } from 'vitest'
import { frequentConcepts, leastImages } from '../../src/data/concept-words.ts'
import { Vocabulary } from '../../src/text/vocabulary.ts'

test.each([
  [1, 2],
  [100, 2],
  [400, 2],
  [401, 3],
  [1000, 5],
  [5800, 29],
  [5801, 30],
  [6000, 30],
  [118_287, 30],
])('with %d training images a concept occurs in at least %d', (images, least) => {
  expect(leastImages(images)).toBe(least)
})

/** `count` images with "a"; each word is in the captions of as many images as `words` says. */
function imagesWith(count: number, words: Readonly<Record<string, number>>) {
  return Array.from({ length: count }, (_, i) => ({
    tokens: ['a', ...Object.keys(words).filter((word) => i < words[word]!)],
  }))
}

test.each([
  [100, { dog: 50, cat: 2, emu: 1 }, ['dog', 'cat']],
  [6000, { dog: 50, cat: 30, emu: 29 }, ['dog', 'cat']],
])(
  'frequentConcepts() of %d images returns the content words that occur in enough of them',
  (count, words, expected) => {
    const images = imagesWith(count, words)
    const vocabulary = Vocabulary.build(
      images.map(({ tokens }) => tokens),
      { minCount: 1 },
    )
    expect(frequentConcepts(images, vocabulary)).toEqual(expected)
  },
)
