import { BEFORE_NAME, BEFORE_NUMBER, isAbbreviation, MAY_END_SENTENCE, SENTENCE_STARTERS } from './abbreviations.ts'
import {
  ALNUM,
  APOSTROPHE,
  BREAK,
  CLITIC,
  HYPHEN,
  INNER_APOSTROPHE,
  INNER_PUNCTUATION,
  NOT,
  SPACE,
  WORD,
} from './characters.ts'
import { closingQuote } from './quotes.ts'
import { type Family, pattern, type Rule } from './rule.ts'

const withoutSoftHyphens = (token: string): string => token.replaceAll('\u00AD', '') || '-'
const plainAmpersand = (token: string): string => token.replace(/&amp;/gi, '&')

/** Contracted words that split: `cannot` is `can not`, `gonna` is `gon na`. */
const ASSIMILATIONS: readonly Rule[] = [
  { pattern: pattern('i', '(can)not') },
  { pattern: pattern('i', '(gon|wan)na') },
  { pattern: pattern('i', '(got)ta') },
  { pattern: pattern('i', '(gim|lem)me') },
]

const WORDS: readonly Rule[] = [
  { pattern: pattern('', `(${WORD})${CLITIC}`), write: withoutSoftHyphens },
  // `don't` is `do n't`: the n belongs to the clitic.
  { pattern: pattern('', String.raw`([A-Za-z\u00AD]*[A-MO-Za-mo-z]\u00AD*)${NOT}`), write: withoutSoftHyphens },
  { pattern: pattern('', `(${WORD})`), write: withoutSoftHyphens },
  { pattern: pattern('', String.raw`(${WORD}\.)${INNER_PUNCTUATION}`), write: withoutSoftHyphens },
]

/** Words that contain their apostrophe: `'em`, `ol'`, `ma'am`, `d'`. */
const APOSTROPHE_WORDS: readonly Rule[] = [
  {
    pattern: pattern(
      'i',
      `(${APOSTROPHE}(?:n${APOSTROPHE}?|em|till?|cause|[2-9]0s|twas)|[ldj]${APOSTROPHE}`,
      `|(?:dunkin|somethin|ol)${APOSTROPHE}|cont'd\\.?|nor'easter|c'mon|e'er|s'mores|ev'ry|li'l|nat'l`,
      `|cap${APOSTROPHE}n|c${APOSTROPHE}est)`,
    ),
    write: closingQuote,
  },
  { pattern: pattern('', `([A-HJ-XZn]${INNER_APOSTROPHE}\\p{L}{2,})`), write: closingQuote },
  { pattern: pattern('', `(\\p{L}+[aeiouyAEIOUY]${INNER_APOSTROPHE}[aeiouA-Z]\\p{L}*)`), write: closingQuote },
  { pattern: pattern('', `([yY]${APOSTROPHE})\\p{L}`) },
]

/** Clitics without a word before them. */
const CLITICS: readonly Rule[] = [
  { pattern: pattern('', `(${CLITIC})[^A-Za-z]`), write: closingQuote },
  { pattern: pattern('', `(${NOT})`), write: closingQuote },
]

const ACRONYM = String.raw`(?:[A-Za-z](?:\.[A-Za-z])+|(?:Canada|Sino|Korean|EU|Japan|non)-U\.S|U\.S\.-U\.(?:S\.S\.R|K))`
const DOTTED = String.raw`([A-Za-z]+(?:\.[A-Za-z]+)*)\.`

const ABBREVIATIONS: readonly Rule[] = [
  { pattern: pattern('', String.raw`(${ACRONYM}\.)${SPACE}+(?:${SENTENCE_STARTERS})${SPACE}`), endsSentence: true },
  { pattern: pattern('', `(${DOTTED})${SPACE}?\\p{Nd}`), means: (token) => abbreviates(token, BEFORE_NUMBER) },
  {
    pattern: pattern('', `(${DOTTED})${SPACE}(?:${SPACE}|\\p{Lu}|</?[A-Za-z])`),
    means: (token) => abbreviates(token, MAY_END_SENTENCE),
    endsSentence: true,
  },
  { pattern: pattern('', `(${DOTTED})[^\\n]{2}`), means: (token) => abbreviates(token, MAY_END_SENTENCE) },
  // Fewer than two characters are left before the end of the caption.
  {
    pattern: pattern('', `(${DOTTED})`),
    means: (token) => abbreviates(token, MAY_END_SENTENCE),
    endsSentence: true,
  },
  { pattern: pattern('', `(${DOTTED})`), means: (token) => abbreviates(token, BEFORE_NAME) },
  { pattern: pattern('', `((?:${ACRONYM}|[A-Za-z])\\.)`) },
  { pattern: pattern('', `(${ACRONYM})${BREAK}`) },
]

function abbreviates(token: string, list: ReadonlySet<string>): boolean {
  return isAbbreviation(token.slice(0, -1), list)
}

const HYPHENATED = String.raw`[A-Za-z0-9][A-Za-z0-9.,\u00AD]*(?:-(?:${ACRONYM}\.|[A-Za-z0-9\u00AD]+))+`
const BEFORE_HYPHEN = pattern('', String.raw`[A-Za-z0-9][A-Za-z0-9.,\u00AD]*`)
const PARTICLE = `(?:[dDoOlL]${INNER_APOSTROPHE}${ALNUM})?`
const COMPOUND = `${PARTICLE}${ALNUM}+(?:${HYPHEN}${PARTICLE}${ALNUM}+)*`
const JOINED_CAPITALS = '[A-Z]+(?:(?:[+&]|&amp;)[A-Z]+)+'

/** Compounds: `t-shirt`, `4x4`, `o'clock`, `tv/vcr`, `AT&T`, and `red,white-striped` with its comma. */
const COMPOUNDS: readonly Rule[] = [
  { pattern: pattern('', `([A-Za-z0-9]+(?:-[A-Za-z]+){0,2}(?:\\\\?/[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}){1,2})`) },
  { pattern: pattern('', `(${HYPHENATED}\\.)${INNER_PUNCTUATION}`), write: withoutSoftHyphens, reads: BEFORE_HYPHEN },
  { pattern: pattern('', `(${HYPHENATED})`), write: withoutSoftHyphens, reads: BEFORE_HYPHEN },
  { pattern: pattern('', `(${COMPOUND}\\.)${INNER_PUNCTUATION}`), write: closingQuote },
  { pattern: pattern('', `(${COMPOUND})`), write: closingQuote },
  { pattern: pattern('', `(${JOINED_CAPITALS}\\.)${INNER_PUNCTUATION}`), write: plainAmpersand },
  { pattern: pattern('', `(${JOINED_CAPITALS})`), write: plainAmpersand },
  { pattern: pattern('i', `(C\\.D\\.s|pro-|anti-|S(?:&|&amp;)(?:P-500|Ls))`), write: plainAmpersand },
]

/** Rules for tokens with letters. */
export const WORD_RULES: readonly Family[] = [
  { begins: /[cglw]/i, rules: ASSIMILATIONS },
  { begins: /[\p{L}&]/u, rules: WORDS },
  { begins: /['&\p{L}]/u, rules: APOSTROPHE_WORDS },
  { begins: /['&n]/i, rules: CLITICS },
  { begins: /[a-z]/i, rules: ABBREVIATIONS },
  { begins: /[a-z0-9]/i, rules: COMPOUNDS },
]
