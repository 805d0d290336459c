import type { TaggedWord } from './tagger.ts'
import { GROUPS, numberOf, PREPOSITIONS } from './words.ts'

/** A noun phrase. */
export interface NounPhrase {
  readonly kind: 'noun'
  /** Lemma of its last noun. */
  readonly head: string
  /** Adjectives, participles, numbers, and the other nouns of a compound. */
  readonly attributes: readonly string[]
  /** Whether it has a possessive pronoun, such as "his". */
  readonly possessive: boolean
  /** Lemma of its possessor, as in "man 's hat". */
  readonly owner: string | undefined
}

/** A chunk of a caption: a noun phrase or a word that matters to the scene graph. */
export type Item =
  | NounPhrase
  | { readonly kind: 'verb'; readonly lemma: string; readonly form: 'finite' | 'ing' | 'past' }
  | { readonly kind: 'preposition'; readonly text: string }
  | { readonly kind: 'adjective'; readonly text: string }
  | { readonly kind: 'pronoun'; readonly text: string }
  | { readonly kind: 'and' | 'relative' | 'clause' }

const POSSESSIVES = new Set(['his', 'her', 'their', 'its', 'your', 'my', 'our'])
const RELATIVES = new Set(['who', 'which', 'that', 'whose', 'where'])
/** Nouns whose purpose a word in -ing names, as in "living room". */
const PURPOSE_NOUNS = new Set(['room', 'table', 'pool', 'meter', 'lot', 'board', 'suit', 'track'])
/** Plural nouns that stand before another noun, as in "sports team". */
const PLURAL_MODIFIERS = new Set(['sports'])
const isNoun = (word: TaggedWord | undefined): boolean => word?.tag === 'NOUN'

/** Splits a tagged caption into chunks. Words without meaning for the scene graph (articles, adverbs) are dropped. */
export function chunk(words: readonly TaggedWord[]): Item[] {
  const items: Item[] = []
  let at = 0
  while (at < words.length) {
    const phrase = prepositionAt(words, at)
    if (phrase) {
      items.push({ kind: 'preposition', text: phrase.join(' ') })
      at += phrase.length
      continue
    }
    const noun = nounPhraseAt(words, at)
    if (noun) {
      if (at > 0 && endsListItem(words, at - 1)) items.push({ kind: 'and' })
      items.push(noun.phrase)
      at = noun.end
      continue
    }
    const item = itemOf(words[at]!, words[at + 1])
    if (item) items.push(item)
    at += 1
  }
  return items
}

/** The preposition of several words that begins at a word, if one does. */
function prepositionAt(words: readonly TaggedWord[], at: number): readonly string[] | undefined {
  return PREPOSITIONS.find((phrase) => phrase.every((text, i) => words[at + i]?.text === text))
}

/** The chunk of a single word outside noun phrases, if it has one. */
function itemOf({ text, lemma, tag }: TaggedWord, next: TaggedWord | undefined): Item | undefined {
  if (RELATIVES.has(text) && tag !== 'DET') return { kind: 'relative' }
  if (tag === 'SCONJ') return { kind: 'clause' }
  if (tag === 'AUX' && lemma !== 'be' && (lemma !== 'have' || next?.tag === 'VERB' || next?.tag === 'AUX'))
    return undefined
  if (tag === 'VERB' || tag === 'AUX') {
    const form = text.endsWith('ing') ? 'ing' : /(?:ed|en)$/.test(text) ? 'past' : 'finite'
    return { kind: 'verb', lemma, form }
  }
  if (tag === 'ADP') return { kind: 'preposition', text }
  if (tag === 'ADJ') return { kind: 'adjective', text }
  if (tag === 'PRON' && !POSSESSIVES.has(text)) return { kind: 'pronoun', text }
  return tag === 'CCONJ' ? { kind: 'and' } : undefined
}

/** The noun phrase that begins at a word, if one does, and the index after it. */
function nounPhraseAt(words: readonly TaggedWord[], start: number): { phrase: NounPhrase; end: number } | undefined {
  const attributes: string[] = []
  let possessive = false
  let at = start
  for (; at < words.length && !isNoun(words[at]); at++) {
    const word = words[at]!
    if (POSSESSIVES.has(word.text)) possessive = true
    else if (word.tag === 'NUM') attributes.push(numberOf(word.text) ?? word.text)
    else if (word.tag === 'ADJ' || modifies(words, at, start)) attributes.push(word.text)
    else if (word.tag === 'CCONJ' && attributes.length > 0 && words[at + 1]?.tag === 'ADJ')
      continue // "black and white"
    else if (word.tag !== 'DET' && !(word.tag === 'ADV' && attributes.length > 0)) return undefined
  }
  if (!isNoun(words[at])) return undefined
  let end = at + 1
  while (
    !endsListItem(words, end - 1) &&
    (isNoun(words[end]) || (isNoun(words[end + 1]) && modifies(words, end, start)))
  )
    end++
  const nouns = words.slice(at, end)
  const owned = words[end]?.text === "'s" || words[end]?.text === "'"
  if (owned) {
    const next = nounPhraseAt(words, end + 1)
    if (next) return { ...next, phrase: { ...next.phrase, owner: nouns.at(-1)!.lemma } }
  }
  const head = nouns.at(-1)!
  if (GROUPS.has(head.lemma) && words[end]?.text === 'of') {
    const members = nounPhraseAt(words, end + 1)
    const count = GROUPS.get(head.lemma)
    if (members) {
      const all = [...members.phrase.attributes, ...(count === undefined ? [] : [count])]
      return { ...members, phrase: { ...members.phrase, attributes: all } }
    }
  }
  const compound = nouns.slice(0, -1).map(({ tag, text, lemma }) => (tag === 'NOUN' ? lemma : text))
  const phrase: NounPhrase = {
    kind: 'noun',
    head: head.lemma,
    attributes: [...attributes, ...compound],
    possessive,
    owner: undefined,
  }
  return { phrase, end }
}

/**
 * Whether a plural noun is followed by another noun: coco-caption drops the commas of lists ("dogs chickens and a
 * turkey"), and the first noun of a compound is rarely a plural.
 */
function endsListItem(words: readonly TaggedWord[], at: number): boolean {
  const { text, lemma } = words[at]!
  return isNoun(words[at]) && text !== lemma && !PLURAL_MODIFIERS.has(text) && isNoun(words[at + 1])
}

/** Whether a word is a participle inside a noun phrase, as in "a smiling woman", "a snow covered field". */
function modifies(words: readonly TaggedWord[], at: number, start: number): boolean {
  const { text, tag } = words[at]!
  const next = words[at + 1]
  if (tag !== 'VERB' || at === start || !(isNoun(next) || next?.tag === 'ADJ')) return false
  const before = words[at - 1]!
  if (/(?:ed|en)$/.test(text)) return before.tag !== 'PRON'
  return text.endsWith('ing') && (!isNoun(before) || PURPOSE_NOUNS.has(next!.lemma))
}
