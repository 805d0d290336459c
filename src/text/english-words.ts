/** Joins lines of words to a set. */
const words = (...lines: readonly string[]): ReadonlySet<string> => new Set(lines.join(' ').split(' '))

/**
 * English words that carry grammar rather than content: a caption may well have them twice. Determiners, numerals,
 * pronouns, prepositions, conjunctions, auxiliaries, and the nouns of "in front of" and "on top of".
 */
export const FUNCTION_WORDS: ReadonlySet<string> = words(
  'a an the this that these those some any no each every both all another other one two three four five six seven',
  'eight nine ten several many few more most much such same own',
  'i me my we us our you your he him his she her hers it its they them their theirs himself herself itself themselves',
  'who whom whose which what where when there here someone something',
  'about above across after against along alongside among amongst amid around as at away back before behind below',
  'beneath beside besides between beyond by down during for forward from in inside into like near next of off on onto',
  'out outside over past through throughout to together top toward towards under underneath until up upon while with',
  'within without front',
  'and but nor or so than then if because though although',
  'am is are was were be been being do does did has have had having can could may might must shall should will would',
  "not 's n't very too also just only",
)

/**
 * English words with which hardly any caption ends: each ends fewer than 1% of the captions of Flickr8k that it is in,
 * but for "on", which a search ends with more often than people do.
 */
export const BAD_ENDINGS: ReadonlySet<string> = words(
  'a an the this that these those some every each my your our his their its whose',
  'of on in at to with for from into onto near through beside between under after as upon among against toward towards',
  'and or but nor while than who which where',
  'am is are was were be being has have wearing',
)

/**
 * The word that a plural is made from, or else the word itself: `dogs` to `dog`, `boxes` to `box`, `puppies` to
 * `puppy`, `men` to `man`. A word that only looks like a plural keeps its letters unless `isWord` knows what is left.
 */
export function singular(word: string, isWord: (word: string) => boolean): string {
  const irregular = IRREGULAR.get(word)
  if (irregular !== undefined) return irregular
  const endings: readonly (readonly [RegExp, string])[] = [
    [/ies$/, 'y'],
    [/ves$/, 'f'],
    [/ves$/, 'fe'],
    [/(?<=s|x|z|ch|sh|o)es$/, ''],
    [/(?<=[^s])s$/, ''],
  ]
  for (const [ending, instead] of endings) {
    const base = word.replace(ending, instead)
    if (base !== word && base.length > 1 && isWord(base)) return base
  }
  return word
}

/** Plurals without an ending of their own. */
const IRREGULAR: ReadonlyMap<string, string> = new Map([
  ['men', 'man'],
  ['women', 'woman'],
  ['children', 'child'],
  ['people', 'person'],
  ['feet', 'foot'],
  ['teeth', 'tooth'],
  ['geese', 'goose'],
  ['mice', 'mouse'],
])
