import { BREAK, LETTER, WORD_PART } from './characters.ts'
import { type Family, pattern, type Rule } from './rule.ts'

/** A name of an HTML or XML element or attribute. */
const NAME = '[A-Za-z][A-Za-z0-9_:.-]*'
const ATTRIBUTE = String.raw`${NAME}(?: *= *(?:'[^'\n]*'|"[^"\n]*"|${NAME}))?`
const TAG = String.raw`<(?:[!?][A-Za-z-][^>\n]*|${NAME}(?: +${ATTRIBUTE})* */?|/${NAME}) *>`

const PATH = String.raw`/[^ \t\n"<>|()]+[^ \t\n"<>|.!?(){},-]`
// The original's range from comma to underscore excludes capitals and digits from a bare host name.
const HOST = String.raw`www\.(?:[^ \t\n"<>|.!?(){},]+\.)+[a-zA-Z]{2,4}|(?:[^ \t\n"'<>|!?(){}$,-_\u0060]+\.)+(?:[cC][oO][mM]|[nN][eE][tT]|[oO][rR][gG]|[eE][dD][uU])`

const FILE_ENDING =
  'avi|bat|bmp|c|class|cgi|cpp|dll|docx?|exe|flv|gif|gz|h|html?|jar|java|jpe?g|mov|mp[34g]|pdf|php|pl|png|ppt|ps|py|sql|' +
  'tar|txt|wav|wm[av]|xml|x|zip|3gp'

const TAGS: readonly Rule[] = [{ pattern: pattern('', `(${TAG})`), write: (token) => token.replaceAll(' ', '\u00A0') }]

const ADDRESSES: readonly Rule[] = [
  { pattern: pattern('i', String.raw`(https?://[^ \t\n"<>|()]+[^ \t\n"<>|.!?(){},-])`) },
  { pattern: pattern('', `((?:${HOST})(?:${PATH})?)`) },
  { pattern: pattern('', '([a-zA-Z0-9._%+-]+@[A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9])') },
  {
    pattern: pattern('i', String.raw`([a-z0-9]+(?:[-._/][a-z0-9]+)*\.(?:${FILE_ENDING}))(?:${BREAK}|[.?!,"'<])`),
  },
]

const HANDLES: readonly Rule[] = [{ pattern: pattern('', `(@[a-zA-Z_][a-zA-Z_0-9]*|#${LETTER}(?:${WORD_PART}|_)*)`) }]

/** Rules for mark-up, URLs, e-mail addresses, file names, handles and hashtags. */
export const ADDRESS_RULES: readonly Family[] = [
  { begins: /</, rules: TAGS },
  { begins: /[a-z0-9._%+&*#~-]/i, rules: ADDRESSES },
  { begins: /[@#]/, rules: HANDLES },
]
