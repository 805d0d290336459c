import { CLITIC, INNER_PUNCTUATION } from './characters.ts'
import { closingQuote, openingQuote } from './quotes.ts'
import { type Family, pattern, type Rule } from './rule.ts'

const BRACKETS: Readonly<Record<string, string>> = {
  '(': '-LRB-',
  ')': '-RRB-',
  '[': '-LSB-',
  ']': '-RSB-',
  '{': '-LCB-',
  '}': '-RCB-',
}
const bracket = (mark: string): string => BRACKETS[mark] ?? mark
const roundBrackets = (token: string): string => token.replace(/[()]/, bracket)

const DASHES: readonly Rule[] = [
  { pattern: pattern('', String.raw`(&(?:MD|mdash|ndash);|[\u0096\u0097\u2013-\u2015])`), write: () => '--' },
  { pattern: pattern('', '(-+)'), write: (token) => (token.length === 3 || token.length === 4 ? '--' : token) },
  { pattern: pattern('i', '(-(?:RRB|LRB|RCB|LCB|RSB|LSB)-)') },
]

const ENTITIES: readonly Rule[] = [
  { pattern: pattern('i', '(&amp;)'), write: () => '&' },
  { pattern: pattern('i', '(&(?:HT|TL|UR|LR|QC|QL|QR|odq|cdq|#[0-9]+);)') },
  { pattern: pattern('i', '(<|&lt;)'), write: () => '<' },
  { pattern: pattern('i', '(>|&gt;)'), write: () => '>' },
]

const QUOTE_PAIR = String.raw`[\u0060\u0091-\u0094\u2018-\u201F\u2039\u203A\u00AB\u00BB]{1,2}`

const QUOTES: readonly Rule[] = [
  { pattern: pattern('i', '("|&quot;)[a-z0-9$]'), write: openingQuote },
  { pattern: pattern('i', '("|&quot;)'), write: closingQuote },
  // A straight quote opens before a word, but not before a single letter, which is a clitic such as `'d`.
  { pattern: pattern('', String.raw`(')[A-Za-z][^ \t\n\u00A0]`), write: openingQuote },
  { pattern: pattern('', `(${CLITIC})`), write: closingQuote },
  { pattern: pattern('i', `(''|'|\\u0092|\\u2019|&apos;|${QUOTE_PAIR})`), write: closingQuote },
]

/**
 * Signs that are tokens of their own: mathematical and technical signs, arrows, dingbats and full-width forms, as
 * PTBTokenizer 3.4.1 lists them. Of the Japanese marks only the postal mark and the middle dot are among them.
 */
const SIGN = [
  String.raw`[+%&~^|\\¦§¨©¬®¯\u00B0-\u00BA×÷\u0387\u05BE\u05C0\u05C3\u05C6\u05F3\u05F4\u0600-\u0603\u0606-\u060A\u060C\u0614`,
  String.raw`\u061B\u061E\u066A\u066D\u0703-\u070D\u07F6-\u07F8\u0964\u0965\u0E4F\u1FBD\u2016\u2017\u2020-\u2023\u2030-\u2038`,
  String.raw`\u203B\u203E-\u2042\u2044\u207A-\u207F\u208A-\u208E\u2100-\u214F\u2190-\u2BFF\u3012\u30FB`,
  String.raw`\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65\u0086\u0087\u0089\u0095\u0098\u0099]`,
].join('')

const PUNCTUATION: readonly Rule[] = [
  { pattern: pattern('', String.raw`([<>]?[:;=][-o*']?[()DPdpO\\{@|[\]])[^A-Za-z0-9]`), write: roundBrackets },
  { pattern: pattern('', String.raw`([()[\]{}])`), write: bracket },
  { pattern: pattern('', String.raw`(\.{3,}|\.(?:[ \u00A0]\.){2,}|[\u0085\u2026])`), write: () => '...' },
  { pattern: pattern('', '([.=/¡¿;։؟۔܀-܂ߺ。]|[?!]+)') },
  { pattern: pattern('', `(${INNER_PUNCTUATION}|@+|#+|_+|[*]+|(?:\\\\[*]){1,3}|<<|>>)`) },
  { pattern: pattern('', `(${SIGN})`) },
]

/** Rules for dashes, entities, quotation marks, brackets, punctuation and signs. */
export const MARK_RULES: readonly Family[] = [
  { begins: /[-&]/, rules: DASHES },
  { begins: /[&<>]/, rules: ENTITIES },
  { begins: /["'`&]/, rules: QUOTES },
  { begins: /[^a-z0-9]/i, rules: PUNCTUATION },
]
