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

/** Words run together: `cannot` is `can not`, `gonna` is `gon na`. */
const assimilations: readonly Rule[] = [
  { pattern: pattern('i', '(can)not') },
  { pattern: pattern('i', '(gon|wan)na') },
  { pattern: pattern('i', '(got)ta') },
  { pattern: pattern('i', '(gim|lem)me') },
]

const words: readonly Rule[] = [
  { pattern: pattern('', `(${WORD})${CLITIC}`), write: withoutSoftHyphens },
  // `don't` is `do n't`: the verb does not keep the n.
  { pattern: pattern('', String.raw`([A-Za-z\u00AD]*[A-MO-Za-mo-z]\u00AD*)${NOT}`), write: withoutSoftHyphens },
  { pattern: pattern('', `(${WORD})`), write: withoutSoftHyphens },
  { pattern: pattern('', String.raw`(${WORD}\.)${INNER_PUNCTUATION}`), write: withoutSoftHyphens },
]

/** Words whose apostrophe is theirs: `'em`, `ol'`, `ma'am`, `d'` */
const apostropheWords: readonly Rule[] = [
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

/** What splits off the word before it, met on its own. */
const clitics: readonly Rule[] = [
  { pattern: pattern('', `(${CLITIC})[^A-Za-z]`), write: closingQuote },
  { pattern: pattern('', `(${NOT})`), write: closingQuote },
]

const ACRONYM = String.raw`(?:[A-Za-z](?:\.[A-Za-z])+|(?:Canada|Sino|Korean|EU|Japan|non)-U\.S|U\.S\.-U\.(?:S\.S\.R|K))`
const DOTTED = String.raw`([A-Za-z]+(?:\.[A-Za-z]+)*)\.`

const abbreviations: readonly Rule[] = [
  { pattern: pattern('', String.raw`(${ACRONYM}\.)${SPACE}+(?:${SENTENCE_STARTERS})${SPACE}`), endsSentence: true },
  { pattern: pattern('', `(${DOTTED})${SPACE}?\\p{Nd}`), means: (token) => abbreviates(token, BEFORE_NUMBER) },
  {
    pattern: pattern('', `(${DOTTED})${SPACE}(?:${SPACE}|\\p{Lu}|</?[A-Za-z])`),
    means: (token) => abbreviates(token, MAY_END_SENTENCE),
    endsSentence: true,
  },
  { pattern: pattern('', `(${DOTTED})[^\\n]{2}`), means: (token) => abbreviates(token, MAY_END_SENTENCE) },
  // The end of the caption, or all but one character of it.
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
const PARTICLE = `(?:[dDoOlL]${INNER_APOSTROPHE}${ALNUM})?`
const COMPOUND = `${PARTICLE}${ALNUM}+(?:${HYPHEN}${PARTICLE}${ALNUM}+)*`
const JOINED_CAPITALS = '[A-Z]+(?:(?:[+&]|&amp;)[A-Z]+)+'

/** `t-shirt`, `4x4`, `o'clock`, `tv/vcr`, `AT&T`, and what the comma in `red,white-striped` leaves together. */
const compounds: readonly Rule[] = [
  { pattern: pattern('', `([A-Za-z0-9]+(?:-[A-Za-z]+){0,2}(?:\\\\?/[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}){1,2})`) },
  { pattern: pattern('', `(${HYPHENATED}\\.)${INNER_PUNCTUATION}`), write: withoutSoftHyphens },
  { pattern: pattern('', `(${HYPHENATED})`), write: withoutSoftHyphens },
  { pattern: pattern('', `(${COMPOUND}\\.)${INNER_PUNCTUATION}`), write: closingQuote },
  { pattern: pattern('', `(${COMPOUND})`), write: closingQuote },
  { pattern: pattern('', `(${JOINED_CAPITALS}\\.)${INNER_PUNCTUATION}`), write: plainAmpersand },
  { pattern: pattern('', `(${JOINED_CAPITALS})`), write: plainAmpersand },
  { pattern: pattern('i', `(C\\.D\\.s|pro-|anti-|S(?:&|&amp;)(?:P-500|Ls))`), write: plainAmpersand },
]

/** Rules for tokens with letters in them. */
export const WORD_RULES: readonly Family[] = [
  { begins: /[cglw]/i, rules: assimilations },
  { begins: /[\p{L}&]/u, rules: words },
  { begins: /['&\p{L}]/u, rules: apostropheWords },
  { begins: /['&n]/i, rules: clitics },
  { begins: /[a-z]/i, rules: abbreviations },
  { begins: /[a-z0-9]/i, rules: compounds },
]
