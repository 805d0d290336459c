import { END } from '../../text/vocabulary.ts'
import type { Filter } from './filter.ts'

/** Forbids captions of fewer than `words` words, `<end>` not counted. */
export const minLength = (words: number): Filter => ({
  apply({ frontier }, penalties) {
    if (frontier.length >= words) return
    for (let row = 0; row < frontier.rows; row++) penalties.add(row, END, Number.NEGATIVE_INFINITY)
  },
})
