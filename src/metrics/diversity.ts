import type { DocumentFrequencies } from './document-frequencies.ts'
import type { Tokens } from './metric.ts'
import { selfCider } from './self-cider.ts'

/** Diversity of captions, which scores against references do not measure. */
export interface Diversity {
  /** Number of captions. */
  readonly captions: number
  /** Mean caption length in words. */
  readonly length: number
  /** Number of distinct words. */
  readonly vocabulary: number
  /** Distinct words divided by words, 0 to 1 (Li et al., NAACL 2016). */
  readonly distinct_1: number
  /** Distinct bigrams divided by bigrams, 0 to 1 (Li et al., NAACL 2016). */
  readonly distinct_2: number
  /** Fraction of captions that are not in the training captions; absent without training captions. */
  readonly novel?: number
  /** selfCider() of the images with several captions; absent if there are none. */
  readonly selfCIDEr?: number
}

/** Options of diversity(). */
export interface DiversityOptions {
  /** The training captions, tokenised by captionTokens() and joined by spaces. */
  readonly training?: ReadonlySet<string> | undefined
  /** Document frequencies for Self-CIDEr. */
  readonly documentFrequencies: DocumentFrequencies
}

/** The diversity of tokenised captions, one or several per image; means and fractions of no captions are NaN. */
export function diversity(
  images: readonly (readonly Tokens[])[],
  { training, documentFrequencies }: DiversityOptions,
): Diversity {
  const captions = images.flat()
  const words = captions.flat()
  const pairs = captions.flatMap((tokens) => tokens.slice(1).map((word, i) => `${tokens[i]} ${word}`))
  const several = images.filter((each) => each.length > 1)
  return {
    captions: captions.length,
    length: words.length / captions.length,
    vocabulary: new Set(words).size,
    distinct_1: distinct(words),
    distinct_2: distinct(pairs),
    ...(training && { novel: captions.filter((tokens) => !training.has(tokens.join(' '))).length / captions.length }),
    ...(several.length > 0 && { selfCIDEr: selfCider(several, documentFrequencies) }),
  }
}

/** Distinct n-grams divided by n-grams; 0 without n-grams. */
const distinct = (ngrams: readonly string[]): number => (ngrams.length === 0 ? 0 : new Set(ngrams).size / ngrams.length)
