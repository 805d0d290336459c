import { readText } from '../disk/files.ts'
import { UserError } from '../errors.ts'
import { UNKNOWN, type Vocabulary } from '../text/vocabulary.ts'
import type { ImageEntry } from './images.ts'

/** Options of frequentConcepts(). */
export interface ConceptWordOptions {
  /** Maximum number of words; default: 1000. */
  readonly maxWords?: number
  /** Minimum number of training images whose captions have the word; default: leastImages(). */
  readonly minImages?: number
}

/**
 * The minimum number of training images for a concept: 0.5% of the training images, but at most 30, which is enough for
 * any size, and at least 2, because a word of a single image cannot be told apart from the rest of that image.
 */
export const leastImages = (trainingImages: number): number =>
  Math.max(2, Math.min(30, Math.ceil(trainingImages / 200)))

/**
 * The concepts to detect: the content words of the captions of the most training images, by falling number of images
 * and then alphabetically (Fang et al., CVPR 2015, section 3: the 1,000 most frequent words). Function words are
 * excluded, because no region shows them.
 */
export function frequentConcepts(
  images: readonly Pick<ImageEntry, 'tokens'>[],
  vocabulary: Pick<Vocabulary, 'id'>,
  { maxWords = 1000, minImages = leastImages(images.length) }: ConceptWordOptions = {},
): string[] {
  return [...imageCounts(images)]
    .filter(
      ([word, count]) =>
        count >= minImages && vocabulary.id(word) !== UNKNOWN && !FUNCTION_WORDS.has(word) && /\p{L}/u.test(word),
    )
    .sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1))
    .slice(0, maxWords)
    .map(([word]) => word)
}

/** The number of images whose captions have each word. */
export function imageCounts(images: readonly Pick<ImageEntry, 'tokens'>[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { tokens } of images)
    for (const word of new Set(tokens.flatMap((caption) => caption.split(' '))))
      counts.set(word, (counts.get(word) ?? 0) + 1)
  return counts
}

/**
 * Reads concepts from a file: the first word of each line; the rest of the line after white space or a comma, as in
 * `dog, NN, 1200`, is ignored, and so are words outside the vocabulary. Throws UserError if the vocabulary has none of
 * them.
 */
export async function conceptsFromFile(path: string, vocabulary: Vocabulary): Promise<string[]> {
  const words = (await readText(path, 'concept list'))
    .split('\n')
    .flatMap((line) => line.trim().split(/[\s,]+/)[0] || [])
  const known = [...new Set(words)].filter((word) => vocabulary.id(word) !== UNKNOWN)
  if (known.length === 0)
    throw new UserError(
      `Cannot use concepts "${path}": none of its ${words.length} words is in the vocabulary of the training captions`,
    )
  return known
}

/** Function words: determiners, pronouns, prepositions, conjunctions, auxiliaries, particles. */
const FUNCTION_WORDS: ReadonlySet<string> = new Set(
  `a an the this that these those some any each every all both no another other others one's 's n't
  he she it they them his her its their theirs him himself herself itself themselves who whom whose which what something someone
  in on at of to for from with without by into onto over under through across around near next along behind above below beside
  between among against towards toward during before after as up down out off inside outside about while where when than like
  and or but nor so if because
  is are was were be been being am has have having had do does doing did can could will would may might must should
  not very too also just only there here then together away back each it's`.split(/\s+/),
)
