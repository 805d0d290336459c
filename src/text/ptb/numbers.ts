import { APOSTROPHE, BREAK, NUMBER } from './characters.ts'
import { type Family, pattern, type Rule } from './rule.ts'

/** A digit. */
const D = String.raw`\p{Nd}`
const joined = (token: string): string => token.replaceAll(' ', '\u00A0')

const FRACTIONS: Readonly<Record<string, string>> = { '¼': '1/4', '½': '1/2', '¾': '3/4', '⅓': '1/3', '⅔': '2/3' }
/** The Wall Street Journal corpus has no other currency signs and writes the pound as the number sign. */
const CURRENCIES: Readonly<Record<string, string>> = {
  '¢': 'cents',
  '£': '#',
  '¤': '$',
  '₠': '$',
  '€': '$',
  '\u0080': '$',
}

const PHONE_IN_GROUPS = String.raw`(?:\([0-9]{2,3}\)[ \u00A0]?|(?:\+\+?)?(?:[0-9]{2,4}[- \u00A0])?[0-9]{2,4}[- \u00A0])[0-9]{3,4}[- \u00A0]?[0-9]{3,5}`
const PHONE_WITH_DOTS = String.raw`(?:(?:\+\+?)?[0-9]{2,4}\.)?[0-9]{2,4}\.[0-9]{3,4}\.[0-9]{3,5}`

const FIGURES: readonly Rule[] = [
  { pattern: pattern('', `(${D}{1,2}[-/]${D}{1,2}[-/]${D}{2,4})`) },
  { pattern: pattern('', `(${NUMBER})`), write: (token) => token.replaceAll('\u00AD', '') },
  { pattern: pattern('', '([⁺⁻₊₋]?(?:[⁰¹²³⁴-⁹]+|[₀-₉]+))') },
  { pattern: pattern('', `((?:${D}{1,4}[- \\u00A0])?${D}{1,4}(?:\\\\?/|\\u2044)${D}{1,4})`), write: joined },
  { pattern: pattern('', '([¼½¾⅓-⅞])'), write: (token) => FRACTIONS[token] ?? token },
  { pattern: pattern('', `(${APOSTROPHE}[0-9][0-9])${BREAK}`) },
  {
    pattern: pattern('', `(${PHONE_IN_GROUPS}|${PHONE_WITH_DOTS})`),
    write: (token) => joined(token).replace('(', '-LRB-').replace(')', '-RRB-'),
  },
]

const CURRENCY_SIGNS: readonly Rule[] = [
  { pattern: pattern('', '([A-Z]*[$]|#)') },
  { pattern: pattern('', '([¢£¤¥₠₤€؋฿￠￡￥￦\\u0080])'), write: (token) => CURRENCIES[token] ?? token },
]

/** Rules for numbers, dates, fractions, phone numbers and currency. A space inside a token becomes a no-break space. */
export const NUMBER_RULES: readonly Family[] = [
  { begins: /[-+.:,('&0-9]/, rules: FIGURES },
  { begins: /[A-Z$#]/, rules: CURRENCY_SIGNS },
]
