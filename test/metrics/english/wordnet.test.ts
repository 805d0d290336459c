import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { makeTable } from '../../../scripts/make-wordnet.ts'
import { shareSynset, WordNet } from '../../../src/metrics/english/wordnet.ts'

describe('WordNet', async () => {
  const wordnet = await WordNet.load()
  const common = (a: string, b: string): boolean => shareSynset(wordnet.allSynsets(a), wordnet.allSynsets(b))

  test('has the table that scripts/make-wordnet.ts makes from the WordNet 3.0 package', () => {
    const kept = new URL('../../../src/metrics/english/wordnet-table.ts', import.meta.url)
    expect(readFileSync(kept, 'utf8') === makeTable()).toBe(true)
  })

  // The synsets of these words are at wordnetweb.princeton.edu.
  test('finds common synsets of words and of their base forms', () => {
    for (const [a, b] of [
      ['bike', 'bicycle'],
      ['pictures', 'photographs'],
      ['ran', 'running'],
      ['geese', 'goose'],
      ['men', 'man'],
      ['grey', 'gray'],
      ['boxes', 'box'],
    ] as const)
      expect([a, b, common(a, b)]).toEqual([a, b, true])
    for (const [a, b] of [
      ['dog', 'cat'],
      ['dog', 'puppy'],
      ['the', 'the'],
      ['bass', 'bas'],
    ] as const)
      expect([a, b, common(a, b)]).toEqual([a, b, false])
  })

  test('bases() uses the exception list, otherwise the first rule that results in a word', () => {
    expect(wordnet.bases('geese')).toEqual(['goose'])
    expect(wordnet.bases('ponies')).toEqual(['pony'])
    expect(wordnet.bases('hoped')).toEqual(['hope'])
    expect(wordnet.bases('glass')).toEqual(['glass'])
    expect(wordnet.bases('zzyzxes')).toEqual([])
  })
})
