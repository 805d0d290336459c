import { counted, thousands } from '../wording.ts'
import { visible } from './visible.ts'

/** Letters of scripts without spaces between words: Chinese and Japanese. */
const HAN_OR_KANA = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー]/gu
/** Thai, Lao, Khmer and Burmese, whose words have more characters. */
const SOUTH_EAST_ASIAN = /[\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/gu

/** Most letters per part between spaces, on average, in a caption that is segmented into words. */
const LONGEST_WORD = { hanOrKana: 3.5, southEastAsian: 12 }

/** Tokens of models and tokenisers that are left in captions when the output is not cleaned. */
const TOKEN =
  /<\/?s>|<\|[a-z_]+\|>|<(?:start|end|pad|bos|eos|sos|unk|cls|sep|mask|go|startseq|endseq|start_of_text|end_of_text)>|\[(?:pad|cls|sep|unk|mask|bos|eos|start|end)\]|\b(?:startseq|endseq)\b/gi

/** The part of the captions that must have a trait before it is remarked. */
const ENOUGH = 0.1

/** Fewest words of an average caption that is called a paragraph, and how many times longer than the references. */
const PARAGRAPH = { words: 30, ratio: 2.5 }

/**
 * Remarks on captions that score low for a reason other than what they say, a sentence each: no spaces between the
 * words of Chinese, Japanese or Thai, and leftover tokens such as `<end>`. `groups` are captions by the name of their
 * file or dataset, as in "results".
 */
export function remarksOn(groups: Readonly<Record<string, readonly string[]>>): string[] {
  const remarks: string[] = []
  const unsegmented = places(groups, isUnsegmented, ENOUGH)
  if (unsegmented)
    remarks.push(`${unsegmented} without spaces between words, so each counts as one word: segment them first.`)
  const leftover = places(groups, (caption) => caption.search(TOKEN) >= 0, 0)
  if (leftover) {
    const tokens = new Set<string>()
    for (const captions of Object.values(groups))
      for (const caption of captions) for (const token of caption.match(TOKEN) ?? []) tokens.add(token)
    const named = [...tokens].slice(0, 6).map(visible).join(', ')
    remarks.push(`${leftover} with leftover tokens (${named}), which count as words and lower the scores: remove them.`)
  }
  return remarks
}

/** How many captions of each group have a trait: `3 of 3 captions in the results`; undefined if too few have it. */
function places(
  groups: Readonly<Record<string, readonly string[]>>,
  test: (caption: string) => boolean,
  enough: number,
): string | undefined {
  const parts = Object.entries(groups).flatMap(([whose, captions]) => {
    const count = captions.filter(test).length
    const few = count === 0 || count < enough * captions.length
    return few ? [] : [`${thousands(count)} of ${counted(captions.length, 'caption')} in the ${whose}`]
  })
  return parts.length === 0 ? undefined : `There are ${parts.join(' and ')}`
}

/** Whether a caption is mostly in a script without spaces, and has none between its words. */
export function isUnsegmented(caption: string): boolean {
  return (
    hasLongParts(caption, HAN_OR_KANA, LONGEST_WORD.hanOrKana) ||
    hasLongParts(caption, SOUTH_EAST_ASIAN, LONGEST_WORD.southEastAsian)
  )
}

/** Whether parts between spaces and punctuation have more than `most` letters of a script on average. */
function hasLongParts(caption: string, script: RegExp, most: number): boolean {
  const letters = caption.match(script)?.length ?? 0
  if (letters <= most || letters < (caption.match(/\p{L}/gu)?.length ?? 0) / 2) return false
  const parts = caption.split(/[\s\p{P}]+/u).filter((part) => part.search(script) >= 0)
  return letters / parts.length > most
}

/** A remark if the results are paragraphs beside the references; `lengths` are mean numbers of words. */
export function remarkOnLength(lengths: { readonly results: number; readonly references: number }): string[] {
  const { results, references } = lengths
  if (!(results >= PARAGRAPH.words && results > PARAGRAPH.ratio * references)) return []
  return [
    `The captions have ${results.toFixed(0)} words on average, the references ${references.toFixed(0)}: paragraphs ` +
      'score low against short references; generate one sentence per image.',
  ]
}
