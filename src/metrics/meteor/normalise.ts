const LETTERS = 'A-Za-zŠŽšžŸÀ-ÖØ-öø-žЀ-ԯ'
const WORD = `0-9${LETTERS}`
const OTHER_SIGN = new RegExp(`[^${WORD}\\s.'\`,\\-‘’]`, 'g')
const DASH_IN_WORD = new RegExp(`([${WORD}.])-([${WORD}])`, 'g')
const HAS_LETTER = new RegExp(`[${LETTERS}]`)

/** In turn: where an apostrophe stands between two characters of these kinds, how it is set apart. Contractions go to the right: "man 's". */
const APOSTROPHES: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`([^${LETTERS}])'([^${LETTERS}])`, 'g'), "$1 ' $2"],
  [new RegExp(`([^${WORD}])'([${LETTERS}])`, 'g'), "$1 ' $2"],
  [new RegExp(`([${LETTERS}])'([^${LETTERS}])`, 'g'), "$1 ' $2"],
  [new RegExp(`([${LETTERS}])'([${LETTERS}])`, 'g'), "$1 '$2"],
  [/(\d)'(s)/g, "$1 '$2"],
]

/** Abbreviations that keep their dot at the end of a caption (those of Moses' list that are in lower case). */
const ABBREVIATIONS = new Set(['e.g', 'i.e', 'rev', 'v', 'vs'])

/**
 * The words of a caption as METEOR 1.5 reads them with `-norm`: signs stand apart, dashes inside words go, apostrophes begin a word ("man 's"), the dots of
 * abbreviations with several go ("u.s." is "us"), all in lower case. Denkowski and Lavie, WMT 2014, section 2; the rules are those of Moses' tokeniser.
 */
export function meteorWords(caption: string): string[] {
  let line = ` ${caption} `
    .replace(OTHER_SIGN, ' $& ')
    .replace(/\.{2,}/g, ' $& ')
    .replace(/(?<!\d),|,(?!\d)/g, ' , ')
    .replace(/[`‘’]/g, "'")
    .replace(/''/g, ' " ')
    .replace(/--/g, '-')
    .replace(DASH_IN_WORD, '$1 $2')
  for (const [pattern, apart] of APOSTROPHES) line = line.replace(pattern, apart)
  const words = line.toLowerCase().split(/\s+/).filter(Boolean)
  return words.flatMap((word, i) => dotted(word, words[i + 1]))
}

/** A word with its last dot, if it has one, kept, dropped or set apart. */
function dotted(word: string, next: string | undefined): string[] {
  if (!word.endsWith('.') || /^\.+$/.test(word)) return [word]
  const rest = word.slice(0, -1)
  if (rest.includes('.') && HAS_LETTER.test(rest)) return [word.replaceAll('.', '')]
  if (ABBREVIATIONS.has(rest) || (next !== undefined && /^[a-z]/.test(next))) return [word]
  return [rest, '.']
}
