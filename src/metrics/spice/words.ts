// Word lists of the scene graph parser. Colours, sizes and numbers are the attributes that SPICE also scores separately
// (Anderson et al., ECCV 2016, section 4.3).

const set = (words: string): ReadonlySet<string> => new Set(words.split(/\s+/))

/** Colours. */
export const COLOURS = set(
  `red orange yellow green blue purple violet pink brown black white gray grey tan beige gold golden silver maroon navy turquoise teal
   blond blonde brunette colorful multicolored cream crimson scarlet lavender magenta olive khaki rainbow`,
)

/** Sizes. */
export const SIZES = set(
  `big small large little tiny huge tall short long giant enormous massive miniature mini narrow wide thick thin gigantic fat skinny
   oversized medium medium-sized`,
)

const NUMBER_WORDS = 'one two three four five six seven eight nine ten eleven twelve'.split(' ')

/** A number in digits, "3" for "three" and for "3"; undefined for other words. */
export function numberOf(word: string): string | undefined {
  if (/^\d+$/.test(word)) return word
  const at = NUMBER_WORDS.indexOf(word)
  return at < 0 ? undefined : String(at + 1)
}

/**
 * Nouns of quantity, which are not objects before "of", with the number that they mean: "a group of people" is people,
 * "a pair of dogs" is two dogs.
 */
export const GROUPS: ReadonlyMap<string, string | undefined> = new Map([
  ['couple', '2'],
  ['pair', '2'],
  ['trio', '3'],
  ...'group bunch crowd lot number herd flock line row set team pack bit piece variety kind type sort load'
    .split(' ')
    .map((word) => [word, undefined] as const),
])

/** Prepositions of several words, longest first. */
export const PREPOSITIONS: readonly (readonly string[])[] = [
  'on the side of',
  'at the edge of',
  'on the edge of',
  'in the middle of',
  'in the front of',
  'on the back of',
  'at the top of',
  'on the top of',
  'in front of',
  'on top of',
  'in back of',
  'in between',
  'on side of',
  'next to',
  'close to',
  'out of',
  'off of',
  'away from',
  'outside of',
  'inside of',
  'along side',
].map((phrase) => phrase.split(' '))

/** Animate nouns: a verb after one of them probably has it as its subject. */
export const ANIMATE = set(
  `man woman boy girl child kid person people guy lady baby toddler player rider skier snowboarder surfer skateboarder biker cyclist climber
   dog puppy cat kitten horse cow bird animal elephant giraffe zebra bear sheep duck hiker runner swimmer worker couple crowd team group adult teenager`,
)

/** Verbs without meaning of their own, which add nothing to a scene graph. */
export const LIGHT_VERBS = set('be do get go try begin start appear seem look')
