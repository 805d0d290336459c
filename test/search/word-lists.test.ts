import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { badEndings, contentClasses } from '../../src/search/word-lists.ts'
import { BAD_ENDINGS, FUNCTION_WORDS, singular } from '../../src/text/english-words.ts'
import { captionTokens } from '../../src/text/ptb.ts'
import { Vocabulary } from '../../src/text/vocabulary.ts'

const vocabulary = Vocabulary.build(
  [
    'a dog and two dogs run with the men of a man on grass',
    'puppies puppy boxes box knives knife leaves leaf bus dress this glass',
  ].map((caption) => caption.split(' ')),
  { minCount: 1 },
)

test('content words are in classes of a word and its plural; function words and special words are in none', () => {
  const classes = contentClasses(vocabulary).map((ids) => ids.map((id) => vocabulary.words[id]!).sort())
  expect(classes.sort()).toEqual([
    ['box', 'boxes'],
    ['bus'],
    ['dog', 'dogs'],
    ['dress'],
    ['glass'],
    ['grass'],
    ['knife', 'knives'],
    ['leaf', 'leaves'],
    ['man', 'men'],
    ['puppies', 'puppy'],
    ['run'],
  ])
})

test('a plural has its singular, if there is such a word', () => {
  const words = new Set(['horse', 'beach', 'potato', 'pass', 'ski', 'bus'])
  const of = (word: string): string => singular(word, (base) => words.has(base))
  expect(['horses', 'beaches', 'potatoes', 'passes', 'skis', 'buses', 'women'].map(of)).toEqual([
    'horse',
    'beach',
    'potato',
    'pass',
    'ski',
    'bus',
    'woman',
  ])
  expect(['grass', 'bus', 'stairs', 's', 'tennis'].map(of)).toEqual(['grass', 'bus', 'stairs', 's', 'tennis'])
})

test('bad endings are ids of the vocabulary', () => {
  const words = [...badEndings(vocabulary)].map((id) => vocabulary.words[id]!)
  expect(words.sort()).toEqual(['a', 'and', 'of', 'on', 'the', 'this', 'with'])
})

const flickr8k = new URL('../../../shared/data/flickr8k/Flickr8k.token.txt', import.meta.url)
describe.skipIf(!existsSync(flickr8k))('the captions of Flickr8k (skipped without ../shared)', () => {
  const captions = existsSync(flickr8k)
    ? readFileSync(flickr8k, 'utf8')
        .trim()
        .split('\n')
        .map((line) => captionTokens(line.split('\t')[1]!))
    : []

  test('hardly ever end with a bad ending', () => {
    for (const word of BAD_ENDINGS) {
      const has = captions.filter((tokens) => tokens.includes(word)).length
      const ends = captions.filter((tokens) => tokens.at(-1) === word).length
      expect(ends, word).toBeLessThanOrEqual(word === 'on' ? 0.03 * has : Math.max(2, 0.01 * has))
    }
  })

  test('repeat a function word far more often than a content word', () => {
    const repeats = captions.flatMap((tokens) => tokens.filter((word, i) => tokens.indexOf(word) < i))
    const content = repeats.filter((word) => !FUNCTION_WORDS.has(word))
    expect(content.length / repeats.length).toBeLessThan(0.1)
  })
})
