/** Western European and Cyrillic letters, as METEOR's normaliser lists them. */
const LETTERS = 'A-Za-zŠŽšžŸÀ-ÖØ-öø-žЀ-ԧꙀ-ꙮ꙾-ꚗᴀ-ᵿ'
const WORD = `0-9${LETTERS}`
const OTHER_SIGN = new RegExp(`[^${WORD}\\s.'\`,\\-‘’]`, 'g')
const DASH_IN_WORD = new RegExp(`([${WORD}.])-([${WORD}])`, 'g')
const HAS_LETTER = new RegExp(`[${LETTERS}]`)

/**
 * How apostrophes are split off, by the characters around them; applied in order. In contractions the apostrophe goes
 * to the right part: "man 's".
 */
const APOSTROPHES: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`([^${LETTERS}])'([^${LETTERS}])`, 'g'), "$1 ' $2"],
  [new RegExp(`([^${WORD}])'([${LETTERS}])`, 'g'), "$1 ' $2"],
  [new RegExp(`([${LETTERS}])'([^${LETTERS}])`, 'g'), "$1 ' $2"],
  [new RegExp(`([${LETTERS}])'([${LETTERS}])`, 'g'), "$1 '$2"],
  [/(\d)'(s)/g, "$1 '$2"],
]

/** Abbreviations that keep their final dot: the lower-case ones in Moses' list of non-breaking prefixes. */
const ABBREVIATIONS = new Set(['e.g', 'i.e', 'rev', 'v', 'vs'])
/** The lower-case abbreviation that keeps its final dot before a number: "pp. 5". */
const BEFORE_NUMBER = 'pp'

/**
 * Tokenises a caption as METEOR 1.5 does with `-norm` (Denkowski and Lavie, WMT 2014, section 2), by the rules of
 * Moses' tokeniser: punctuation is split off, hyphenated words are split, an apostrophe begins a word ("man 's"),
 * abbreviations lose their dots ("u.s." becomes "us"), and everything is in lower case.
 */
export function meteorWords(caption: string): string[] {
  let line = ` ${caption} `
    .replace(OTHER_SIGN, ' $& ')
    .replace(/\.{2,}/g, ' $& ')
    .replace(/(?<!\d),|,(?!\d)/g, ' , ')
    .replace(/[`‘’]/g, "'")
    .replace(/[“”]|''/g, ' " ')
    .replace(/–|--/g, '-')
    .replace(DASH_IN_WORD, '$1 $2')
  for (const [pattern, apart] of APOSTROPHES) line = line.replace(pattern, apart)
  const words = line.toLowerCase().split(/\s+/).filter(Boolean)
  return words.flatMap((word, i) => dotted(word, words[i + 1]))
}

/** Keeps, drops or splits off the final dot of a word, depending on the next word. */
function dotted(word: string, next: string | undefined): string[] {
  if (!word.endsWith('.') || /^\.+$/.test(word)) return [word]
  const rest = word.slice(0, -1)
  if (rest.includes('.') && HAS_LETTER.test(rest)) return [word.replaceAll('.', '')]
  if (ABBREVIATIONS.has(rest) || (next !== undefined && /^[a-z]/.test(next))) return [word]
  if (rest === BEFORE_NUMBER && next !== undefined && /^[0-9]/.test(next)) return [word]
  return [rest, '.']
}
