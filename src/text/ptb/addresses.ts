import { BREAK, LETTER, WORD_PART } from './characters.ts'
import { type Family, pattern, type Rule } from './rule.ts'

/** A name of an HTML or XML element or attribute. */
const NAME = '[A-Za-z][A-Za-z0-9_:.-]*'
const ATTRIBUTE = String.raw`${NAME}(?: *= *(?:'[^'\n]*'|"[^"\n]*"|${NAME}))?`
const TAG = String.raw`<(?:[!?][A-Za-z-][^>\n]*|${NAME}(?: +${ATTRIBUTE})* *(?:/ *)?|/${NAME} *)>`

const PATH = String.raw`/[^ \t\n"<>|()]+[^ \t\n"<>|.!?(){},-]`
const WWW_PART = String.raw`[^ \t\n"<>|.!?(){},]+`
const WWW = String.raw`www\.(?:${WWW_PART}\.)+[a-zA-Z]{2,4}`
// The original's range from comma to underscore excludes capitals and digits from a bare host name.
const HOST_PART = String.raw`[^ \t\n"'<>|!?(){}$,-_\u0060]+`
const HOST = String.raw`(?:${HOST_PART}\.)+(?:[cC][oO][mM]|[nN][eE][tT]|[oO][rR][gG]|[eE][dD][uU])`

/** The parts of a file name, joined by one mark each. */
const FILE_PARTS = '[a-z0-9]+(?:[-._/][a-z0-9]+)*'

const FILE_ENDING =
  'avi|bat|bmp|c|class|cgi|cpp|dll|docx?|exe|flv|gif|gz|h|html?|jar|java|jpe?g|mov|mp[34g]|pdf|php|pl|png|ppt|ps|py|sql|' +
  'tar|txt|wav|wm[av]|xml|x|zip|3gp'

const TAGS: readonly Rule[] = [
  {
    pattern: pattern('', `(${TAG})`),
    write: (token) => token.replaceAll(' ', '\u00A0'),
    reads: pattern('', String.raw`<[!?][A-Za-z-][^>\n]*`),
  },
]

const ADDRESSES: readonly Rule[] = [
  { pattern: pattern('i', String.raw`(https?://[^ \t\n"<>|()]+[^ \t\n"<>|.!?(){},-])`) },
  {
    pattern: pattern('', `(${WWW}(?:${PATH})?)`),
    reads: pattern('', String.raw`www\.(?:${WWW_PART}\.)*(?:${WWW_PART})?`),
  },
  {
    pattern: pattern('', `(${HOST}(?:${PATH})?)`),
    reads: pattern('', String.raw`(?:${HOST_PART}\.)*(?:${HOST_PART})?`),
  },
  {
    pattern: pattern('', '([a-zA-Z0-9._%+-]+@[A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9])'),
    reads: pattern('', '[a-zA-Z0-9._%+-]+'),
  },
  {
    pattern: pattern('i', String.raw`(${FILE_PARTS}\.(?:${FILE_ENDING}))(?:${BREAK}|[.?!,"'<])`),
    reads: pattern('i', FILE_PARTS),
  },
]

const HANDLES: readonly Rule[] = [{ pattern: pattern('', `(@[a-zA-Z_][a-zA-Z_0-9]*|#${LETTER}(?:${WORD_PART}|_)*)`) }]

/** Rules for mark-up, URLs, e-mail addresses, file names, handles and hashtags. */
export const ADDRESS_RULES: readonly Family[] = [
  { begins: /</, rules: TAGS },
  { begins: /[a-z0-9._%+&*#~-]/i, rules: ADDRESSES },
  { begins: /[@#]/, rules: HANDLES },
]
