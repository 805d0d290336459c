import { fieldsOf, isObject } from '../annotations/fields.ts'
import { UserError } from '../errors.ts'
import { show } from '../wording.ts'
import type { Tokens } from './metric.ts'
import { Ngrams, ORDERS } from './ngrams.ts'

const FORMAT = 'mia-document-frequencies-1'

/** Document frequencies of n-grams, from which CIDEr computes idf weights. */
export interface DocumentFrequencies {
  /** Number of images in the corpus, at least 1. */
  readonly images: number
  /** By n-gram of 1 to 4 words, joined by spaces: the number of images that have it in a reference. */
  readonly counts: ReadonlyMap<string, number>
}

/** Counts the document frequencies of tokenised references, several per image. */
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

/** Document frequencies as a plain object for JSON.stringify(); readFrequencies() reads it. */
export function writeFrequencies({ images, counts }: DocumentFrequencies): object {
  return { format: FORMAT, images, ngrams: Object.fromEntries(counts) }
}

/** Document frequencies from the parsed JSON of a file. Throws UserError unless writeFrequencies() made it. */
export function readFrequencies(json: unknown): DocumentFrequencies {
  const { format, images, ngrams } = fieldsOf(json)
  const isCount = (value: unknown, most: number): value is number =>
    typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most
  if (format !== FORMAT) refuseFile(`the field "format" is ${show(format)}; expected "${FORMAT}"`)
  if (!isCount(images, 2 ** 53)) return refuseFile(`the field "images" is ${show(images)}; expected at least 1`)
  if (!isObject(ngrams)) return refuseFile(`the field "ngrams" is ${show(ngrams)}; expected an object`)
  const wrong = Object.entries(ngrams).find(([, count]) => !isCount(count, images))
  if (wrong) refuseFile(`the n-gram ${show(wrong[0])} is in ${show(wrong[1])} images; expected 1 to ${images}`)
  return { images, counts: new Map(Object.entries(ngrams as Record<string, number>)) }
}

function refuseFile(fault: string): never {
  throw new UserError(
    `Cannot read document frequencies: ${fault}; make the file with "mia eval --save-document-frequencies"`,
  )
}

/**
 * Numbers the n-grams of saved document frequencies. `frequency[id]` is 0 for the prefix of an n-gram that is not
 * itself among them.
 */
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
