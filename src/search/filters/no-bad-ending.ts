import { END } from '../../text/vocabulary.ts'
import type { Filter } from './filter.ts'

/** Forbids captions that end with one of the words `endings`; one that is cut at the longest length may still do so. */
export const noBadEnding = (endings: ReadonlySet<number>): Filter => ({
  apply({ frontier }, penalties) {
    for (const [row, word] of frontier.words.entries())
      if (endings.has(word)) penalties.add(row, END, Number.NEGATIVE_INFINITY)
  },
})
