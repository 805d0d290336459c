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
 * words of Chinese, Japanese or Thai, and leftover tokens such as `<end>`. `whose` names the captions, as in "results".
 */
export function remarksOn(captions: readonly string[], whose: string): string[] {
  const remarks: string[] = []
  const unsegmented = captions.filter(isUnsegmented).length
  if (unsegmented > 0 && unsegmented >= ENOUGH * captions.length)
    remarks.push(
      `${counted(unsegmented, 'caption')} of ${thousands(captions.length)} in the ${whose} have no spaces between ` +
        'words, so each counts as one word: segment them into words first.',
    )
  const tokens = new Set<string>()
  let marked = 0
  for (const caption of captions) {
    const found = caption.match(TOKEN)
    if (!found) continue
    marked++
    for (const token of found) tokens.add(token)
  }
  if (marked > 0)
    remarks.push(
      `${counted(marked, 'caption')} in the ${whose} ${marked === 1 ? 'has' : 'have'} leftover tokens ` +
        `(${[...tokens].slice(0, 6).map(visible).join(', ')}), which count as words and lower the scores: remove them.`,
    )
  return remarks
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

/** A remark if the captions of the results are paragraphs beside the references; `lengths` are mean numbers of words. */
export function remarkOnLength(lengths: { readonly results: number; readonly references: number }): string[] {
  const { results, references } = lengths
  if (!(results >= PARAGRAPH.words && results > PARAGRAPH.ratio * references)) return []
  return [
    `The captions have ${results.toFixed(0)} words on average, the references ${references.toFixed(0)}: paragraphs ` +
      'score low against short references; generate one sentence per image.',
  ]
}
