import type { DocumentFrequencies } from './document-frequencies.ts'
import type { Tokens } from './metric.ts'
import { selfCider } from './self-cider.ts'

/** What scores against references do not see: whether captions say always the same. */
export interface Diversity {
  readonly captions: number
  /** words of a caption, in the mean */
  readonly length: number
  /** different words */
  readonly vocabulary: number
  /** different words, and different pairs of words in a row, in parts of all (Li et al., NAACL 2016) */
  readonly distinct_1: number
  readonly distinct_2: number
  /** captions that are none of the training captions, in parts of all */
  readonly novel?: number
  /** see selfCider(); of the images that have several captions, where there are any */
  readonly selfCIDEr?: number
}

export interface DiversityOptions {
  /** the captions that the system learned from, as captionTokens() gives them, joined by spaces */
  readonly training?: ReadonlySet<string> | undefined
  /** by which Self-CIDEr weighs n-grams */
  readonly documentFrequencies: DocumentFrequencies
}

/** Describes captions, one or several of each image. */
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

const distinct = (ngrams: readonly string[]): number => (ngrams.length === 0 ? 0 : new Set(ngrams).size / ngrams.length)
