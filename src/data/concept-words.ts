import { readText } from '../disk/files.ts'
import { UserError } from '../errors.ts'
import { UNKNOWN, type Vocabulary } from '../text/vocabulary.ts'
import type { ImageEntry } from './images.ts'

/** How the words of the concept detector are chosen. */
export interface ConceptWordOptions {
  /** at most so many words */
  readonly most?: number
  /** a word must be in the captions of so many training images; by default leastImages() of them */
  readonly minImages?: number
}

/**
 * In how many of that many training images a word must stand to be a concept: 0.5% of them, for a detector learns little from fewer, but no more than
 * the 30 that are enough whatever the size, and no less than 2, for what is seen once cannot be told from its picture. A folder of a hundred
 * pictures has concepts like that too.
 */
export const leastImages = (trainingImages: number): number =>
  Math.max(2, Math.min(30, Math.ceil(trainingImages / 200)))

/**
 * The content words that most training images' captions have, by falling number of images and then alphabetically: the concepts worth detecting
 * (Fang et al., CVPR 2015, section 3: the 1,000 most frequent words). Function words, which no region shows, are left out.
 */
export function frequentConcepts(
  images: readonly Pick<ImageEntry, 'tokens'>[],
  vocabulary: Vocabulary,
  { most = 1000, minImages = leastImages(images.length) }: ConceptWordOptions = {},
): string[] {
  const counts = new Map<string, number>()
  for (const { tokens } of images)
    for (const word of new Set(tokens.flatMap((caption) => caption.split(' '))))
      counts.set(word, (counts.get(word) ?? 0) + 1)
  return [...counts]
    .filter(
      ([word, count]) =>
        count >= minImages && vocabulary.id(word) !== UNKNOWN && !functionWords.has(word) && /\p{L}/u.test(word),
    )
    .sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1))
    .slice(0, most)
    .map(([word]) => word)
}

/** A list of words from a file, the first word of each line; what follows it after blanks or a comma, as in `dog, NN, 1200`, is passed over. Throws UserError for words that no training caption has often enough. */
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

/** Words that stand in captions for grammar's sake: determiners, pronouns, prepositions, conjunctions, auxiliaries, particles. */
const functionWords: ReadonlySet<string> = new Set(
  `a an the this that these those some any each every all both no another other others one's 's n't
  he she it they them his her its their theirs him himself herself itself themselves who whom whose which what something someone
  in on at of to for from with without by into onto over under through across around near next along behind above below beside
  between among against towards toward during before after as up down out off inside outside about while where when than like
  and or but nor so if because
  is are was were be been being am has have having had do does doing did can could will would may might must should
  not very too also just only there here then together away back each it's`.split(/\s+/),
)
