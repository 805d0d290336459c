import { ADDRESS_RULES } from './ptb/addresses.ts'
import { MARK_RULES } from './ptb/marks.ts'
import { NUMBER_RULES } from './ptb/numbers.ts'
import type { Family, Rule } from './ptb/rule.ts'
import { WORD_RULES } from './ptb/words.ts'

/** All rules. At equal length the earlier rule wins. */
const FAMILIES: readonly Family[] = [...WORD_RULES, ...NUMBER_RULES, ...ADDRESS_RULES, ...MARK_RULES]
const ALL_RULES: readonly Rule[] = FAMILIES.flatMap((family) => family.rules)

/** The rules to try, by ASCII code of the next character; at other characters all rules are tried. */
const RULES_BY_CODE: readonly (readonly Rule[])[] = Array.from({ length: 128 }, (_, code) =>
  FAMILIES.filter((family) => family.begins.test(String.fromCharCode(code))).flatMap((family) => family.rules),
)

/**
 * The fast path: plain letters before a space are one token under every rule, except for the words in ASSIMILATIONS.
 */
const PLAIN = /[A-Za-z]+(?=[ \n])/y
/** Words that the Penn Treebank splits, as in "can not" and "gon na". */
const ASSIMILATIONS = new Set(['cannot', 'gonna', 'wanna', 'gotta', 'lemme', 'gimme'])

/** Characters above U+FFFF: 3.4.1 drops them all. */
const ASTRAL = /[\u{10000}-\u{10FFFF}]/gu
/** Their placeholders during tokenisation: two characters that no rule takes for a letter or a sign. */
const UNKNOWN = '\uFFFE\uFFFE'
/** Longer captions keep a record of where rules fail; for others that costs more than it saves. */
const LONG = 256

/**
 * Tokenises a caption as Stanford's PTBTokenizer 3.4.1 does with coco-caption's options (`-preserveLines -lowerCase`):
 * Penn Treebank conventions, lower case, quotation marks as `` and '', brackets as -lrb- and -rrb-. The longest match
 * of all rules wins, as in the original's lexer; characters that no rule matches are dropped. The time is linear in
 * the length of the text.
 */
export function ptbTokenize(text: string): string[] {
  const line = `${text.replace(/[\r\n\v\f\u0085\u2028\u2029]/g, ' ').replace(ASTRAL, UNKNOWN)}\n`
  const caption: Caption = { text, line, failedUntil: line.length > LONG ? new Map() : undefined }
  const tokens: string[] = []
  let at = 0
  while (at < line.length) {
    const code = line.charCodeAt(at)
    if (code === 32 || code === 10) {
      at++
      continue
    }
    PLAIN.lastIndex = at
    if (PLAIN.test(line)) {
      const word = line.slice(at, PLAIN.lastIndex).toLowerCase()
      if (!ASSIMILATIONS.has(word)) {
        tokens.push(word)
        at = PLAIN.lastIndex
        continue
      }
    }
    at = readToken(caption, at, tokens)
  }
  return tokens
}

/** A caption being read. */
interface Caption {
  readonly text: string
  /** The text with spaces for line breaks, placeholders of equal length for unknown characters, and a final newline. */
  readonly line: string
  /** By rule: the position up to which it is known to fail. */
  readonly failedUntil: Map<Rule, number> | undefined
}

/** Appends the token at `at` by the rule with the longest match; returns the position after it. */
function readToken({ text, line, failedUntil }: Caption, at: number, tokens: string[]): number {
  let furthest = at
  let token = ''
  let best: Rule | undefined
  for (const rule of RULES_BY_CODE[line.charCodeAt(at)] ?? ALL_RULES) {
    if (failedUntil && rule.reads && at < (failedUntil.get(rule) ?? 0)) continue
    rule.pattern.lastIndex = at
    const match = rule.pattern.exec(line)
    if (!match) {
      if (failedUntil && rule.reads) recordFailure(rule, rule.reads, line, at, failedUntil)
      continue
    }
    if (rule.pattern.lastIndex <= furthest) continue
    const read = match[1] ?? ''
    if (rule.means && !rule.means(read)) continue
    furthest = rule.pattern.lastIndex
    token = read
    best = rule
  }
  if (!best) return at + 1
  const original = token.includes('\uFFFE') ? text.slice(at, at + token.length) : token
  tokens.push((best.write ? best.write(original) : original).toLowerCase())
  return at + token.length - (best.endsSentence ? 1 : 0)
}

/** Records that a rule does not match from `at` to the end of the text that it read. */
function recordFailure(rule: Rule, reads: RegExp, line: string, at: number, failedUntil: Map<Rule, number>): void {
  reads.lastIndex = at
  if (reads.test(line)) failedUntil.set(rule, reads.lastIndex)
}

/**
 * The punctuation that coco-caption drops (`PUNCTUATIONS` in its ptbtokenizer.py). That list also has brackets, but in
 * capitals, so they never match the lower-case tokens and stay.
 */
const DROPPED = new Set(["''", "'", '``', '`', '.', '?', '!', ',', ':', '-', '--', '...', ';'])

/** The words of a caption for training and scoring: `ptbTokenize` without the punctuation that coco-caption drops. */
export function captionTokens(text: string): string[] {
  return ptbTokenize(text).filter((token) => !DROPPED.has(token))
}
