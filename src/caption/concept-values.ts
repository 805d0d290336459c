import type { Vocabulary } from '../text/vocabulary.ts'
import type { FoundConcept } from './photo-reader.ts'
import type { StoredDetector } from './stored-detector.ts'

/** What words are worth in the caption of an image, by word id. */
export type WordValues = ReadonlyMap<number, number>

/**
 * Makes the values of an image's concepts: the detector's confidence times the word's rarity, which is the logarithm of
 * one over the share of training images that have it (inverse document frequency, by which CIDEr weights words, too): a
 * sure "zebra" is worth more than a sure "man". Undefined for a detector that does not know the shares.
 */
export function conceptValues(
  { info: { words, imageShares } }: StoredDetector,
  vocabulary: Vocabulary,
): ((found: readonly FoundConcept[]) => WordValues) | undefined {
  if (!imageShares) return undefined
  const rarities = new Map(words.map((word, i) => [word, imageShares[i]! > 0 ? -Math.log(imageShares[i]!) : 0]))
  return (found) => new Map(found.map(({ word, score }) => [vocabulary.id(word), score * (rarities.get(word) ?? 0)]))
}
