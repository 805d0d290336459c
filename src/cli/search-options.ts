import type { LengthPenalty, SearchSettings } from '../caption/search-settings.ts'
import { UsageError } from '../errors.ts'
import { LIMITS } from '../models/limits.ts'
import { count, flag, optionName, text } from './options.ts'
import { BEAM, MAX_LENGTH } from './shared-options.ts'

const GROUP = { group: 'To search for captions' } as const

const lengthPenalty = text('form', 'compare captions by none, average (per word) or wu_0.7 (docs/search.md)', {
  default: 'none',
  ...GROUP,
})

/** The options that say how captions are searched for, by the names that the library has for them. */
export const SEARCH = {
  beam: { ...BEAM, settings: { ...BEAM.settings, ...GROUP } },
  maxLength: { ...MAX_LENGTH, settings: { ...MAX_LENGTH.settings, ...GROUP } },
  minLength: count('words', 'shortest caption, without its end token', { default: 0, max: LIMITS.maxLength, ...GROUP }),
  lengthPenalty,
  blockNgrams: count('n', 'no n words in a row come twice; 0 allows all', {
    default: 0,
    max: LIMITS.maxLength,
    ...GROUP,
  }),
  blockRepeatedWords: flag('no noun, verb or adjective comes twice in a caption', GROUP),
  blockBadEndings: flag('no caption ends with a word such as "a" or "with"', GROUP),
} as const

type Value<O> = O extends import('./options.ts').Option<infer T> ? T : never
/** The values of the options SEARCH. */
export type SearchValues = { readonly [Key in keyof typeof SEARCH]: Value<(typeof SEARCH)[Key]> }

/** The settings that options ask for. Throws UsageError for those that contradict each other. */
export async function searchOf(values: SearchValues): Promise<SearchSettings> {
  const { searchSettings } = await import('../caption/search-settings.ts')
  try {
    const choices = { ...values, lengthPenalty: values.lengthPenalty as LengthPenalty }
    return searchSettings(choices, (key) => `--${optionName(key)}`)
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error
  }
}
