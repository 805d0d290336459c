import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UserError } from '../../src/errors.ts'
import { END, PAD, START, UNKNOWN, Vocabulary } from '../../src/text/vocabulary.ts'

const captions = ['a dog runs', 'a dog sleeps', 'a cat sleeps', 'zebra dog'].map((caption) => caption.split(' '))
const vocabulary = Vocabulary.build(captions, { minCount: 2 })

describe('Vocabulary', () => {
  test('build() keeps words with at least minCount occurrences, by count and then by character codes', () => {
    expect(vocabulary.words).toEqual(['<pad>', '<start>', '<end>', '<unk>', 'a', 'dog', 'sleeps'])
    expect(vocabulary.counts).toEqual([0, 0, 0, 3, 3, 3, 2])
    expect(vocabulary.size).toBe(7)
  })

  test('build() orders by character codes, not by the locale', () => {
    const words = Vocabulary.build([['é', 'z', 'Z', 'a', '"']], { minCount: 1 }).words.slice(4)
    expect(words).toEqual(['"', 'Z', 'a', 'z', 'é'])
  })

  test('build() has minCount 5 by default', () => {
    expect(Vocabulary.build([['a', 'a', 'a', 'a', 'b', 'b', 'b', 'b', 'b']]).words.slice(4)).toEqual(['b'])
  })

  test('build() counts "<end>" in a caption as an unknown word', () => {
    const odd = Vocabulary.build([['<end>', '<end>', 'a']], { minCount: 1 })
    expect(odd.words.filter((word) => word === '<end>')).toHaveLength(1)
    expect(odd.counts[UNKNOWN]).toBe(2)
    expect(odd.encode(['<end>', 'a', '<pad>'])).toEqual([UNKNOWN, 4, UNKNOWN])
  })

  test('id() returns <unk> for unknown words, also for names of object properties', () => {
    expect(vocabulary.id('zebra')).toBe(3)
    expect(vocabulary.id('constructor')).toBe(3)
    expect(vocabulary.id('dog')).toBe(5)
  })

  test('decode() stops at <end> and drops <start> and <pad>', () => {
    expect(vocabulary.decode([START, 4, 5, END, 6, PAD])).toEqual(['a', 'dog'])
    expect(vocabulary.decode([4, UNKNOWN, PAD])).toEqual(['a', '<unk>'])
    expect(() => vocabulary.decode([7])).toThrow('Cannot decode word 7: the vocabulary has 7 words')
  })

  test('decode() inverts encode() for known words and returns <unk> for others', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'dog', 'sleeps', 'cat', 'zebra')), (tokens) => {
        const known = new Set(['a', 'dog', 'sleeps'])
        expect(vocabulary.decode(vocabulary.encode(tokens))).toEqual(tokens.map((t) => (known.has(t) ? t : '<unk>')))
      }),
    )
  })

  test('fromJSON() restores the vocabulary that toJSON() saved', () => {
    const again = Vocabulary.fromJSON(JSON.parse(JSON.stringify(vocabulary)))
    expect(again).toEqual(vocabulary)
    expect(again.id('sleeps')).toBe(6)
  })

  const good = vocabulary.toJSON()
  test.each([
    ['a list', [], 'Cannot read "v.json": format is missing; make it again with "mia prepare"'],
    ['nothing', null, 'the file is null and should be an object'],
    ['another format', { ...good, format: 'mia-vocabulary/2' }, 'format is "mia-vocabulary/2"'],
    [
      'a word that is a number',
      { ...good, words: [...good.words.slice(0, 6), 7] },
      'words.6 is 7 and should be a string',
    ],
    ['too few counts', { ...good, counts: [1] }, 'it has 7 words and 1 counts'],
    ['a negative count', { ...good, counts: [-1, ...good.counts.slice(1)] }, 'counts.0 is -1 and should be at least 0'],
    ['a word twice', { ...good, words: good.words.with(6, 'dog') }, 'a word occurs twice in it'],
    ['other special words', { ...good, words: good.words.with(2, '</s>') }, 'the first words are not <pad> <start>'],
  ])('fromJSON() refuses %s', (_, value, message) => {
    expect(() => Vocabulary.fromJSON(value, 'v.json')).toThrow(UserError)
    expect(() => Vocabulary.fromJSON(value, 'v.json')).toThrow(message)
  })
})
