import { UserError } from '../errors.ts'
import { fieldsOf, isObject } from './json.ts'
import type { Tokens } from './metric.ts'
import { Ngrams, ORDERS } from './ngrams.ts'

const FORMAT = 'mia-document-frequencies-1'

/** In how many images of a corpus an n-gram is in a reference: what CIDEr weighs n-grams by. */
export interface DocumentFrequencies {
  readonly images: number
  /** By n-gram of 1 to 4 words, joined by spaces. */
  readonly counts: ReadonlyMap<string, number>
}

/** The document frequencies of references, several captions for each image. */
export function documentFrequencies(references: readonly (readonly Tokens[])[]): DocumentFrequencies {
  const counts = new Map<string, number>()
  for (const captions of references) {
    const ngrams = new Set<string>()
    for (const tokens of captions)
      for (let order = 1; order <= ORDERS; order++)
        for (let i = 0; i + order <= tokens.length; i++) ngrams.add(tokens.slice(i, i + order).join(' '))
    for (const ngram of ngrams) counts.set(ngram, (counts.get(ngram) ?? 0) + 1)
  }
  return { images: references.length, counts }
}

/** As JSON, to be written to a file. */
export function writeFrequencies({ images, counts }: DocumentFrequencies): object {
  return { format: FORMAT, images, ngrams: Object.fromEntries(counts) }
}

/** Document frequencies from a file's JSON. Throws UserError for any other. */
export function readFrequencies(json: unknown): DocumentFrequencies {
  const { format, images, ngrams } = fieldsOf(json)
  if (format !== FORMAT || typeof images !== 'number' || !(images > 0) || !isObject(ngrams))
    throw new UserError(
      `Cannot read document frequencies: the field "format" is ${JSON.stringify(format)}; expected "${FORMAT}"; make the file with "mia eval --save-document-frequencies"`,
    )
  const wrong = Object.entries(ngrams).find(([, count]) => !(Number(count) >= 1 && Number(count) <= images))
  if (wrong)
    throw new UserError(
      `Cannot read document frequencies: the n-gram "${wrong[0]}" is in ${JSON.stringify(wrong[1])} images; expected 1 to ${images}`,
    )
  return { images, counts: new Map(Object.entries(ngrams as Record<string, number>)) }
}

/** The n-grams of saved frequencies, numbered, and by number in how many images each is; 0 for a beginning of one that is itself in none. */
export function numberFrequencies({ counts }: DocumentFrequencies): { ngrams: Ngrams; frequency: Uint32Array } {
  const ngrams = new Ngrams()
  const { numbering } = ngrams
  const ids = Array.from(counts.keys(), (ngram) => {
    const [first, ...others] = ngram.split(' ').map((word) => numbering.word(word))
    return others.reduce((beginning, last) => numbering.ngram(beginning, last), first!)
  })
  const frequency = new Uint32Array(numbering.size)
  let i = 0
  for (const count of counts.values()) frequency[ids[i++]!] = count
  return { ngrams, frequency }
}
