import { LIMITS } from '../models/limits.ts'
import { DEFAULT_BEAM, DEFAULT_MAX_LENGTH } from '../search/defaults.ts'
import type { Filter } from '../search/filters/filter.ts'
import { minLength } from '../search/filters/min-length.ts'
import { noBadEnding } from '../search/filters/no-bad-ending.ts'
import { noRepeatedNgram } from '../search/filters/no-repeated-ngram.ts'
import { noRepeatedWord } from '../search/filters/no-repeated-word.ts'
import { lengthNormalisedRanker } from '../search/rankers/length-normalised.ts'
import { logProbRanker } from '../search/rankers/log-prob.ts'
import type { Ranker } from '../search/rankers/ranker.ts'
import { wuRanker } from '../search/rankers/wu.ts'
import type { SearchOptions } from '../search/search.ts'
import { badEndings, contentClasses } from '../search/word-lists.ts'
import type { Vocabulary } from '../text/vocabulary.ts'
import { thousands } from '../wording.ts'

/** How hypotheses of different lengths are compared; see docs/search.md. */
export type LengthPenalty = 'none' | 'average' | `wu_${number}`

/** How captions are searched for. */
export interface SearchChoices {
  /** hypotheses that keep growing, 3 by default; 1 is greedy search */
  readonly beam?: number
  /** words a caption may have, the closing `<end>` counted; 20 by default */
  readonly maxLength?: number
  /** words a caption must have, the closing `<end>` not counted; 0 by default, and below `maxLength` */
  readonly minLength?: number
  /**
   * what the log-probability of a caption is divided by to compare captions: `none` (the default), its length
   * (`average`), or ((5 + length) / 6)^0.7 for `wu_0.7`
   */
  readonly lengthPenalty?: LengthPenalty
  /** no sequence of this many words comes twice in a caption; 0, the default, allows all */
  readonly blockNgrams?: number
  /** no content word comes twice in a caption, nor its plural beside it; false by default */
  readonly blockRepeatedWords?: boolean
  /** no caption ends with a word such as "a" or "with"; false by default */
  readonly blockBadEndings?: boolean
}

/** The choices of a search with their defaults filled in. */
export type SearchSettings = Required<SearchChoices>

/** The search of `mia caption` without options: the published beam search. */
export const DEFAULT_SEARCH: SearchSettings = {
  beam: DEFAULT_BEAM,
  maxLength: DEFAULT_MAX_LENGTH,
  minLength: 0,
  lengthPenalty: 'none',
  blockNgrams: 0,
  blockRepeatedWords: false,
  blockBadEndings: false,
}

/**
 * Fills in the defaults. Throws RangeError, with the choices named by `nameOf`, for those that contradict each other or
 * are out of range.
 */
export function searchSettings(choices: SearchChoices, nameOf = (key: string): string => key): SearchSettings {
  const settings = { ...DEFAULT_SEARCH }
  for (const key of Object.keys(DEFAULT_SEARCH) as (keyof SearchSettings)[])
    if (choices[key] !== undefined) Object.assign(settings, { [key]: choices[key] })
  const fail = (key: keyof SearchSettings, wanted: string): never => {
    throw new RangeError(`Cannot caption with ${nameOf(key)} ${settings[key]}: it must be ${wanted}`)
  }
  for (const [key, least, most] of INTEGERS) {
    const value = settings[key]
    if (!Number.isInteger(value) || value < least || value > most)
      fail(key, `a whole number from ${least} to ${thousands(most)}`)
  }
  if (settings.minLength >= settings.maxLength)
    fail('minLength', `below ${nameOf('maxLength')} ${settings.maxLength}, which counts the end token`)
  if (rankerOf(settings.lengthPenalty) === undefined) fail('lengthPenalty', LENGTH_PENALTIES)
  return settings
}

/** What `lengthPenalty` may be, for errors and help. */
const LENGTH_PENALTIES = 'none, average, or wu_ and a number from 0 to 10 such as wu_0.7'

const INTEGERS: readonly (readonly ['beam' | 'maxLength' | 'minLength' | 'blockNgrams', number, number])[] = [
  ['beam', 1, LIMITS.beam],
  ['maxLength', 1, LIMITS.maxLength],
  ['minLength', 0, LIMITS.maxLength],
  ['blockNgrams', 0, LIMITS.maxLength],
]

function rankerOf(penalty: string): Ranker | undefined {
  if (penalty === 'none') return logProbRanker
  if (penalty === 'average') return lengthNormalisedRanker(1)
  const alpha = Number(/^wu_(\d+(?:\.\d+)?)$/.exec(penalty)?.[1])
  return alpha <= 10 ? wuRanker(alpha) : undefined
}

/** The options of search() for settings, with a captioner's vocabulary. */
export function searchOptions(
  settings: SearchSettings,
  vocabulary: Vocabulary,
): Pick<SearchOptions, 'beam' | 'maxLength' | 'filters' | 'ranker'> {
  const { beam, maxLength, lengthPenalty, blockNgrams } = settings
  const filters: Filter[] = []
  if (settings.minLength > 0) filters.push(minLength(settings.minLength))
  if (blockNgrams > 0) filters.push(noRepeatedNgram(blockNgrams))
  if (settings.blockRepeatedWords) filters.push(noRepeatedWord(contentClasses(vocabulary)))
  if (settings.blockBadEndings) filters.push(noBadEnding(badEndings(vocabulary)))
  return { beam, maxLength, filters, ranker: rankerOf(lengthPenalty)! }
}
