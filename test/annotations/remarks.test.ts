import { describe, expect, test } from 'vitest'
import { isUnsegmented, remarkOnLength, remarksOn } from '../../src/annotations/remarks.ts'

test.each([
  ['女の子が犬と公園で遊んでいる', true],
  ['女の子 が 犬 と 公園 で 遊ん で いる', false],
  ['两个男人，在踢足球。', true],
  ['两个 男人 在 踢 足球', false],
  ['ผู้หญิงนั่งอยู่บนชายหาดกับสุนัข', true],
  ['ผู้หญิง นั่ง อยู่ บน ชายหาด', false],
  ['개가 공원에서 놀고 있다', false],
  ['a sign reads 停車場はこちら', false],
  ['狗', false],
  ['', false],
])('isUnsegmented(%j) is %s', (caption, expected) => {
  expect(isUnsegmented(caption)).toBe(expected)
})

describe('remarksOn()', () => {
  test('names leftover tokens once each, and where they are', () => {
    const results = [
      '<s> a dog </s>',
      'a cat [PAD] <pad>',
      'startseq a cow endseq',
      'a x < 3 > 2 <b>',
      'a dog<|endoftext|>',
    ]
    expect(remarksOn({ results, references: ['a dog', 'a cat'] })).toEqual([
      'There are 4 of 5 captions in the results with leftover tokens (<s>, </s>, [PAD], <pad>, startseq, endseq), ' +
        'which count as words and lower the scores: remove them.',
    ])
  })

  test('does not remark a single caption among many', () => {
    const references = [...Array.from({ length: 30 }, () => 'a dog'), '两个男人在踢足球']
    expect(remarksOn({ references })).toEqual([])
    expect(remarksOn({ references: references.slice(25) })).toEqual([
      'There are 1 of 6 captions in the references without spaces between words, so each counts as one word: ' +
        'segment them first.',
    ])
  })
})

test('remarkOnLength() remarks paragraphs beside sentences only', () => {
  const lengths = [
    { results: 80, references: 11 },
    { results: 80, references: 70 },
    { results: 25, references: 8 },
    { results: NaN, references: NaN },
  ]
  expect(lengths.map((each) => remarkOnLength(each).length)).toEqual([1, 0, 0, 0])
})
