// Regular expression sources that the rules are composed of.

/** One space of any kind. */
export const SPACE = String.raw`[ \t\u00A0\u2000-\u200A\u3000]`
/** One space of any kind, or the end of the caption. */
export const BREAK = String.raw`[ \t\u00A0\u2000-\u200A\u3000\n]`

/**
 * What PTBTokenizer 3.4.1 counts as letters besides Unicode's: the soft hyphen, and combining marks and vowel signs of
 * some scripts. The others, such as the variation selectors behind emoji, are dropped.
 */
const MARKS = [
  String.raw`\u00AD\u0237-\u024F\u02C2-\u02C5\u02D2-\u02DF\u02E5-\u02FF\u0300-\u037D\u0384\u0385\u03CF\u03F6\u03FC-\u03FF\u0483-\u0487`,
  String.raw`\u04CF\u04F6-\u04FF\u0510-\u0525\u055A-\u055F\u0591-\u05BD\u05BF\u05C1\u05C2\u05C4\u05C5\u05C7\u0615-\u061A\u063B-\u063F`,
  String.raw`\u064B-\u065E\u0670\u06D6-\u06EF\u06FA-\u06FF\u070F\u0711\u0730-\u077F\u07A6-\u07B1\u07CA-\u07F5\u07FA\u0900-\u0903\u093C`,
  String.raw`\u093E-\u094E\u0951-\u0955\u0962\u0963\u0981-\u0983\u09BC-\u09C4\u09C7\u09C8\u09CB-\u09CD\u09D7\u09E2\u09E3\u0A01-\u0A03`,
  String.raw`\u0A3C\u0A3E-\u0A4F\u0A81-\u0A83\u0ABC-\u0ACF\u0B82\u0BBE-\u0BC2\u0BC6-\u0BC8\u0BCA-\u0BCD\u0C01-\u0C03\u0C3E-\u0C56`,
  String.raw`\u0D3E-\u0D44\u0D46-\u0D48\u0E30-\u0E3A\u0E47-\u0E4E\u0EB1-\u0EBC\u0EC8-\u0ECD`,
].join('')
const ACCENTED = '&[aeiouAEIOU](?:acute|grave|uml);'

/** A letter or one of MARKS; or an HTML entity for an accented letter. */
export const LETTER = String.raw`(?:[\p{L}${MARKS}]|${ACCENTED})`
/** A character inside a word: LETTER or a digit. */
export const WORD_PART = String.raw`(?:[\p{L}\p{Nd}${MARKS}]|${ACCENTED})`
/** A letter or digit. */
export const ALNUM = String.raw`[\p{L}\p{Nd}]`
/** A word. Full stops and marks between letters join: `sentence.Next` is one word. */
export const WORD = `${LETTER}${WORD_PART}*(?:[.!?]${LETTER}${WORD_PART}*)*`

/** An apostrophe. */
export const APOSTROPHE = String.raw`(?:['\u0092\u2019]|&apos;)`
/** An apostrophe inside a word, including the quotation marks and backticks that are typed in its place. */
export const INNER_APOSTROPHE = String.raw`(?:['\u0092\u2019\u0060\u0091\u2018\u201B]|&apos;)`
/** Endings that split off the word before: `'s`, `'ll`, ... */
export const CLITIC = `${APOSTROPHE}(?:[msdMSD]|[rR][eE]|[vV][eE]|[lL][lL])`
/** The ending `n't`. */
export const NOT = `[nN]${INNER_APOSTROPHE}[tT]`

/** A hyphen or underscore. */
export const HYPHEN = String.raw`[-_\u058A\u2010\u2011]`
/** Punctuation inside a sentence: a full stop before it belongs to the word. */
export const INNER_PUNCTUATION = String.raw`[,;:\u3001]`
/** A number with an optional sign and separators. */
export const NUMBER = String.raw`[-+]?(?:\p{Nd}+(?:[.:,\u00AD\u066B\u066C]\p{Nd}+)*|(?:[.:,\u00AD\u066B\u066C]\p{Nd}+)+)`
