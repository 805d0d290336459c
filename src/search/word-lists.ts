import { BAD_ENDINGS, FUNCTION_WORDS, singular } from '../text/english-words.ts'
import { UNKNOWN, type Vocabulary } from '../text/vocabulary.ts'

/** The ids of the words that a caption should not end with (BAD_ENDINGS). */
export const badEndings = ({ words }: Vocabulary): ReadonlySet<number> =>
  new Set([...words.keys()].filter((id) => id > UNKNOWN && BAD_ENDINGS.has(words[id]!)))

/** The ids of content words, all but FUNCTION_WORDS, in classes: a word and its plural are in one. */
export function contentClasses(vocabulary: Vocabulary): number[][] {
  const isWord = (word: string): boolean => vocabulary.id(word) !== UNKNOWN
  const classes = new Map<string, number[]>()
  for (const [id, word] of vocabulary.words.entries()) {
    if (id <= UNKNOWN || FUNCTION_WORDS.has(word)) continue
    const base = singular(word, isWord)
    classes.set(base, [...(classes.get(base) ?? []), id])
  }
  return [...classes.values()]
}
