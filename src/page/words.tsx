import type { ImageCaption } from '../hosts/web/index.ts'
import { TEXTS } from './texts.ts'

/**
 * A caption as buttons, one for each word; they appear one after the other. `label` names it to screen readers, and
 * `onWord` is called with the word that the pointer or the keyboard is at.
 */
export function Words({
  caption,
  label,
  word,
  onWord,
}: {
  caption: Pick<ImageCaption, 'words'>
  label: string
  word: number | undefined
  onWord: (word: number | undefined) => void
}) {
  if (caption.words.length === 0) return <p class="words">{TEXTS.empty}</p>
  return (
    <ol class="words" aria-label={label} onPointerLeave={() => onWord(undefined)}>
      {caption.words.map(({ word: text, probability }, i) => (
        <li key={i} style={{ '--at': i }}>
          <button
            type="button"
            aria-label={TEXTS.wordProbability(text, probability)}
            aria-pressed={word === i}
            style={{ '--sure': probability }}
            onPointerEnter={() => onWord(i)}
            onFocus={() => onWord(i)}
            onBlur={() => onWord(undefined)}
            onClick={() => onWord(i)}
          >
            {text}
          </button>
        </li>
      ))}
    </ol>
  )
}
