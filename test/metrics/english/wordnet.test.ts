import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { makeTable } from '../../../scripts/make-wordnet.ts'
import { shareSynset, WordNet } from '../../../src/metrics/english/wordnet.ts'

describe('WordNet', async () => {
  const wordnet = await WordNet.load()
  const common = (a: string, b: string): boolean => shareSynset(wordnet.allSynsets(a), wordnet.allSynsets(b))

  test('is the table that the package of WordNet 3.0 gives', () => {
    const kept = new URL('../../../src/metrics/english/wordnet-table.ts', import.meta.url)
    expect(readFileSync(kept, 'utf8') === makeTable()).toBe(true)
  })

  // What WordNet 3.0 says of these words can be seen at wordnetweb.princeton.edu.
  test('has words together that share a synset, inflected ones by their base forms', () => {
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

  test('gives base forms by its list of exceptions, or else by the first rule that ends at a word', () => {
    expect(wordnet.bases('geese')).toEqual(['goose'])
    expect(wordnet.bases('ponies')).toEqual(['pony'])
    expect(wordnet.bases('hoped')).toEqual(['hope'])
    expect(wordnet.bases('glass')).toEqual(['glass'])
    expect(wordnet.bases('zzyzxes')).toEqual([])
  })
})
