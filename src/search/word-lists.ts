import { UserError } from '../errors.ts'
import { BAD_ENDINGS, FUNCTION_WORDS, singular } from '../text/english-words.ts'
import { captionTokens } from '../text/ptb.ts'
import { UNKNOWN, type Vocabulary } from '../text/vocabulary.ts'
import type { Requirement } from './automaton.ts'

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

/**
 * The word ids of a list of words and sequences of words, such as `hot dog`, of which one must appear. Those with a
 * word outside the vocabulary are left out; throws UserError if that are all.
 */
export function requirementOf(list: readonly string[], vocabulary: Vocabulary): Requirement {
  const sequences = list
    .map((text) => vocabulary.encode(captionTokens(text)))
    .filter((ids) => ids.length > 0 && !ids.includes(UNKNOWN))
  if (sequences.length > 0) return sequences
  const quoted = list.map((text) => `"${text}"`).join(', ')
  throw new UserError(
    `Cannot require ${quoted === '' ? 'nothing' : quoted}: the captioner's vocabulary of ${vocabulary.size} words has ` +
      'no such word; ask for a word that its training captions use',
  )
}

/**
 * A word with its plural or singular and its synonyms, as far as the vocabulary has them: alternatives to require an
 * object by. `synonyms` are other names of the object.
 */
export function namesOf(word: string, vocabulary: Vocabulary, synonyms: readonly string[] = []): string[] {
  const isWord = (each: string): boolean => vocabulary.id(each) !== UNKNOWN
  const named = [word, ...synonyms].filter((name) => captionTokens(name).every(isWord))
  const bases = new Set(named.map((name) => singular(name, isWord)))
  const plurals = vocabulary.words.filter(
    (each) => each !== singular(each, isWord) && bases.has(singular(each, isWord)),
  )
  return [...new Set([...named, ...bases, ...plurals])].filter((name) => captionTokens(name).every(isWord))
}
