// Regular expression sources that the rules are composed of.

/** One space of any kind. */
export const SPACE = String.raw`[ \t\u00A0\u2000-\u200A\u3000]`
/** One space of any kind, or the end of the caption. */
export const BREAK = String.raw`[ \t\u00A0\u2000-\u200A\u3000\n]`

/** A letter, combining mark or soft hyphen; or an HTML entity for an accented letter. */
export const LETTER = String.raw`(?:[\p{L}\p{M}\u00AD]|&[aeiouAEIOU](?:acute|grave|uml);)`
/** A character inside a word: LETTER or a digit. */
export const WORD_PART = String.raw`(?:[\p{L}\p{M}\p{Nd}\u00AD]|&[aeiouAEIOU](?:acute|grave|uml);)`
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
