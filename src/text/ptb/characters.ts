/** Sources of the character classes that the rules are written in. */

export const SPACE = String.raw`[ \t\u00A0\u2000-\u200A\u3000]`
/** Space or the end of the caption. */
export const BREAK = String.raw`[ \t\u00A0\u2000-\u200A\u3000\n]`

/** A letter, with the marks on it and soft hyphens; or a legacy entity for an accented one. */
export const LETTER = String.raw`(?:[\p{L}\p{M}\u00AD]|&[aeiouAEIOU](?:acute|grave|uml);)`
export const WORD_PART = String.raw`(?:[\p{L}\p{M}\p{Nd}\u00AD]|&[aeiouAEIOU](?:acute|grave|uml);)`
export const ALNUM = String.raw`[\p{L}\p{Nd}]`
/** Full stops and marks between letters join: `sentence.Next` is one word. */
export const WORD = `${LETTER}${WORD_PART}*(?:[.!?]${LETTER}${WORD_PART}*)*`

export const APOSTROPHE = String.raw`(?:['\u0092\u2019]|&apos;)`
/** What people type for an apostrophe inside a word. */
export const INNER_APOSTROPHE = String.raw`(?:['\u0092\u2019\u0060\u0091\u2018\u201B]|&apos;)`
/** Endings that split from the word before: `'s`, `'ll`, ... */
export const CLITIC = `${APOSTROPHE}(?:[msdMSD]|[rR][eE]|[vV][eE]|[lL][lL])`
export const NOT = `[nN]${INNER_APOSTROPHE}[tT]`

export const HYPHEN = String.raw`[-_\u058A\u2010\u2011]`
/** Punctuation inside a sentence: after it, a full stop before it belonged to the word. */
export const INNER_PUNCTUATION = String.raw`[,;:\u3001]`
export const NUMBER = String.raw`[-+]?(?:\p{Nd}+(?:[.:,\u00AD\u066B\u066C]\p{Nd}+)*|(?:[.:,\u00AD\u066B\u066C]\p{Nd}+)+)`
