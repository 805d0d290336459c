import type * as v from 'valibot'
import { photoSearchSettings, type SearchChoices } from '../caption/search-settings.ts'
import { UserError } from '../errors.ts'
import { requirementAutomaton } from '../search/automaton.ts'
import { requirementOf } from '../search/word-lists.ts'
import type { Vocabulary } from '../text/vocabulary.ts'
import { Failure } from './failure.ts'
import type { CAPTION_QUERY } from './schemas.ts'

/** The most hypotheses of a search with required words: more would make others wait. */
const MAX_HYPOTHESES = 160
/** The most alternatives of a requirement. */
const MAX_ALTERNATIVES = 20

/** The parameters of a search, as the schema parsed them. */
type SearchQuery = Omit<v.InferOutput<typeof CAPTION_QUERY>, 'explain'>

/**
 * The choices of the search that a query asks for. Throws Failure (400) for choices that contradict each other, for
 * required words outside the vocabulary, and for requirements that take too many hypotheses.
 */
export function searchOfQuery({ require: lists, ...others }: SearchQuery, vocabulary: Vocabulary): SearchChoices {
  const choices = { ...others, require: lists.map(alternatives) } as SearchChoices
  try {
    const settings = photoSearchSettings(choices)
    const { states } = requirementAutomaton(settings.require.map((list) => requirementOf(list, vocabulary)))
    if (settings.require.length > 0 && states * settings.beam > MAX_HYPOTHESES)
      throw new RangeError(
        `Cannot caption with beam ${settings.beam} and so many required words: they take ${states * settings.beam} ` +
          `hypotheses, and a request may have ${MAX_HYPOTHESES}; require less, or use a smaller beam`,
      )
    return choices
  } catch (error) {
    throw error instanceof RangeError || error instanceof UserError ? new Failure(400, error.message) : error
  }
}

/** The words of a requirement such as `dog,puppy`. Throws Failure (400) for none, and for too many. */
function alternatives(list: string): string[] {
  const words = list.split(',').map((word) => word.trim())
  if (words.includes('') || words.length > MAX_ALTERNATIVES)
    throw new Failure(
      400,
      `require is "${list.slice(0, 60)}" and should be 1 to ${MAX_ALTERNATIVES} words with commas between them`,
    )
  return words
}
