import type { SearchChoices, SearchSettings } from '../caption/search-settings.ts'
import { UsageError } from '../errors.ts'
import { LIMITS } from '../models/limits.ts'
import { PHOTO_SEARCH, RESCORED_BEAM } from '../search/defaults.ts'
import {
  count,
  flag,
  fraction,
  list,
  optionName,
  positive,
  positiveRate,
  rate,
  repeated,
  seed,
  text,
} from './options.ts'
import { MAX_LENGTH } from './shared-options.ts'

const GROUP = { group: 'To search for captions' } as const
const SAMPLING = { group: 'To draw captions by chance' } as const

const lengthPenalty = (form: string) =>
  text('form', 'compare captions by none, average (per word) or wu_0.7 (docs/search.md)', { default: form, ...GROUP })

/** The options that say how captions are searched for, by the names that the library has for them. */
export const SEARCH = {
  beam: positive(
    'n',
    `beam size; 1 is greedy search (default: 3, with --concept-weight ${RESCORED_BEAM}, or as --captions and --groups need)`,
    { max: LIMITS.beam, ...GROUP },
  ),
  maxLength: { ...MAX_LENGTH, settings: { ...MAX_LENGTH.settings, ...GROUP } },
  minLength: count('words', 'shortest caption, without its end token', { default: 0, max: LIMITS.maxLength, ...GROUP }),
  lengthPenalty: lengthPenalty('none'),
  blockNgrams: count('n', 'no n words in a row come twice; 0 allows all', {
    default: 0,
    max: LIMITS.maxLength,
    ...GROUP,
  }),
  blockRepeatedWords: flag('no noun, verb or adjective comes twice in a caption', GROUP),
  blockBadEndings: flag('no caption ends with a word such as "a" or "with"', GROUP),
  conceptWeight: rate(
    'w',
    "what a concept that a caption names adds to its score, times the detector's confidence and the word's rarity; the " +
      `best of the beam's captions is chosen by it (docs/search.md; default: 0, of photographs ${PHOTO_SEARCH.conceptWeight})`,
    GROUP,
  ),
  require: repeated(list('words', 'one of these words must appear, as in dog,dogs; may be given again', GROUP)),
  captions: positive('n', 'captions of each image', { default: 1, max: LIMITS.beam, ...GROUP }),
  groups: positive('n', 'groups of a diverse beam search, which avoid the words of each other', {
    default: 1,
    max: LIMITS.beam,
    ...GROUP,
  }),
  diversity: rate('nats', 'what a word loses for each earlier group that has it', { default: 0.5, ...GROUP }),
  sample: flag('draw the captions instead of searching for the most probable', SAMPLING),
  temperature: positiveRate('t', 'lower is more cautious', { default: 1, ...SAMPLING }),
  topK: count('n', 'draw from the n most probable words; 0 for all', {
    default: 0,
    max: LIMITS.vocabularySize,
    ...SAMPLING,
  }),
  topP: fraction('p', 'draw from the most probable words that have this probability together', {
    default: 1,
    ...SAMPLING,
  }),
  seed: seed('n', 'the same seed draws the same captions', { default: 1, ...SAMPLING }),
} as const

/** The same options with the defaults for captions of photographs. */
export const SEARCH_OF_PHOTOGRAPHS = {
  ...SEARCH,
  lengthPenalty: lengthPenalty(PHOTO_SEARCH.lengthPenalty),
  blockRepeatedWords: flag('a noun, verb or adjective may not come twice, unless --no-block-repeated-words', {
    default: PHOTO_SEARCH.blockRepeatedWords,
    ...GROUP,
  }),
} as const

type Value<O> = O extends import('./options.ts').Option<infer T> ? T : never
/** The values of the options SEARCH. */
export type SearchValues = { readonly [Key in keyof typeof SEARCH]: Value<(typeof SEARCH)[Key]> }

/** The settings that options ask for. Throws UsageError for those that contradict each other. */
export async function searchOf(values: SearchValues): Promise<SearchSettings> {
  const { searchSettings } = await import('../caption/search-settings.ts')
  return checked(() => searchSettings(choicesOf(values), nameOf))
}

/**
 * The choices of a search for captions of photographs that options ask for. What they leave open, the captioner
 * decides. Throws UsageError for those that contradict each other.
 */
export async function photoSearchOf(values: SearchValues): Promise<AskedSearch> {
  const { photoSearchSettings } = await import('../caption/search-settings.ts')
  const choices = choicesOf(values)
  checked(() => photoSearchSettings(choices, nameOf))
  return choices
}

type AskedSearch = SearchChoices & Pick<SearchSettings, 'captions'>

/** The values of the options SEARCH alone, without those that were not given. */
const choicesOf = (values: SearchValues): AskedSearch =>
  Object.fromEntries(
    (Object.keys(SEARCH) as (keyof SearchValues)[])
      .filter((key) => values[key] !== undefined)
      .map((key) => [key, values[key]]),
  ) as unknown as AskedSearch

const nameOf = (key: string): string => `--${optionName(key)}`

function checked<T>(make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error
  }
}
