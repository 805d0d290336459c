import type { WordNet } from '../english/wordnet.ts'
import type { Tokens } from '../metric.ts'
import { ANIMATE, COLOURS, numberOf, SIZES } from './words.ts'

/** A word with its part of speech (universal tag set) and its lemma. */
export interface TaggedWord {
  readonly text: string
  readonly lemma: string
  readonly tag: string
}

/** Tags the words of a caption. */
export type Tagger = (tokens: Tokens) => TaggedWord[]

/**
 * Loads wink-nlp once in a process: each call of winkNlp() escapes a part of the model again, which doubles its text
 * until it is too long for a string.
 */
async function makeWink() {
  const [{ default: winkNlp }, { default: model }] = await Promise.all([
    import('wink-nlp'),
    import('wink-eng-lite-web-model'),
  ])
  return winkNlp(model, ['sbd', 'pos'])
}

let loaded: ReturnType<typeof makeWink> | undefined
const loadWink = (): ReturnType<typeof makeWink> => {
  loaded ??= makeWink()
  return loaded
}

/** Loads wink-nlp with its English model (4 MB). Lemmas come from WordNet. */
export async function loadTagger(wordnet: WordNet): Promise<Tagger> {
  const wink = await loadWink()
  return (tokens) => {
    const read = wink.readDoc(tokens.join(' ')).tokens()
    const tags = read.out(wink.its.pos as never) as unknown as string[]
    const words = joinHyphens((read.out() as string[]).map((text, i) => ({ text, tag: tags[i]! })))
    const singular = (noun: string): string => lemmaOf(noun, 'NOUN', wordnet)
    for (const i of words.keys()) words[i]!.tag = correctedTag(words, i, singular)
    return words.map(({ text, tag }) => ({ text, tag, lemma: lemmaOf(text, tag, wordnet) }))
  }
}

interface Tagged {
  readonly text: string
  tag: string
}

/** Joins hyphenated words, which the tagger splits into "t", "-", "shirt", under the tag of the last part. */
function joinHyphens(words: readonly Tagged[]): Tagged[] {
  const joined: Tagged[] = []
  for (let i = 0; i < words.length; i++) {
    const [before, word, after] = [joined.at(-1), words[i]!, words[i + 1]]
    if (word.text === '-' && before && after) {
      joined[joined.length - 1] = { text: `${before.text}-${after.text}`, tag: after.tag }
      i++
    } else joined.push({ ...word })
  }
  return joined
}

/**
 * Corrects the tag of a word. The tagger was trained on full sentences and makes systematic errors on captions, which
 * are often noun phrases. The tags of earlier words are already corrected.
 */
function correctedTag(words: readonly Tagged[], i: number, singular: (noun: string) => string): string {
  const { text, tag } = words[i]!
  const [before, after] = [words[i - 1], words[i + 1]]
  const nounFollows = after !== undefined && (after.tag === 'NOUN' || after.tag === 'PROPN' || after.tag === 'ADJ')
  if (COLOURS.has(text) || SIZES.has(text)) return 'ADJ'
  if (numberOf(text) !== undefined && tag !== 'PRON') return 'NUM'
  if (text === 'other' && before?.text === 'each') return 'PRON'
  // "a girl dancing", "is spinning a little girl"
  const afterSubject =
    before && (before.tag === 'AUX' || ANIMATE.has(before.text) || (before.tag === 'NOUN' && !nounFollows))
  if ((tag === 'NOUN' || tag === 'ADJ') && /.{3}ing$/.test(text) && afterSubject) return 'VERB'
  // "a girl rides the waves", "he rides his board"
  const subject = before !== undefined && (ANIMATE.has(before.text) || before.text === 'he' || before.text === 'she')
  if (tag === 'NOUN' && /[^s]s$/.test(text) && subject && !nounFollows) return 'VERB'
  // "dogs bark", "people fish at a lake"
  if (tag === 'NOUN' && before?.tag === 'NOUN' && isAnimatePlural(before.text, singular) && singular(text) === text)
    if (!/s$/.test(text) && (!after || /^(?:ADP|ADV|CCONJ|DET|PART|PRON|SCONJ)$/.test(after.tag))) return 'VERB'
  // "a walk", "still water"
  if (tag === 'VERB' && !/(?:ing|ed|en)$/.test(text) && before && /DET|ADJ|ADV/.test(before.tag) && needsNoun(words, i))
    return 'NOUN'
  // "in the wild", "a back flip"
  if (tag === 'ADJ' && !nounFollows && after?.tag !== 'CCONJ' && after?.tag !== 'VERB' && needsNoun(words, i))
    return 'NOUN'
  return tag === 'PROPN' ? 'NOUN' : tag // captions are in lower case and contain hardly any names
}

/** Whether a noun names several persons or animals: "dogs", "women", "people". */
const isAnimatePlural = (noun: string, singular: (noun: string) => string): boolean =>
  noun === 'people' || (singular(noun) !== noun && ANIMATE.has(singular(noun)))

/** Whether a word is inside a noun phrase without a noun so far: after an article or preposition and adjectives. */
function needsNoun(words: readonly Tagged[], i: number): boolean {
  let at = i - 1
  while (at >= 0 && /ADJ|ADV|NUM/.test(words[at]!.tag)) at--
  return at >= 0 && /DET|ADP/.test(words[at]!.tag) && !(at === i - 1 && words[at]!.tag === 'ADP')
}

const AUXILIARIES: ReadonlyMap<string, string> = new Map(
  [
    ['be', "is are was were be been being am 's 're"],
    ['have', 'has have had having'],
    ['do', 'does do did doing done'],
  ].flatMap(([lemma, forms]) => forms!.split(' ').map((form) => [form, lemma!] as const)),
)

/** The lemma of a word with its tag. */
function lemmaOf(text: string, tag: string, wordnet: WordNet): string {
  if (tag === 'VERB' || tag === 'AUX') {
    const doubled = /^(.+(?:ll|ss|ff|zz))(?:ed|ing)$/.exec(text) // "filled" comes from "fill", not from "fille"
    return AUXILIARIES.get(text) ?? doubled?.[1] ?? wordnet.bases(text)[0] ?? text
  }
  if (tag !== 'NOUN') return text
  const irregular = /(?:en|eet|ice|eese|eeth)$/.test(text)
  const plural = /[^s]s$/.test(text) && wordnet.synsets(text).length === 0 // "shorts" and "stairs" are lemmas
  return ((irregular || plural) && wordnet.bases(text)[0]) || text
}
