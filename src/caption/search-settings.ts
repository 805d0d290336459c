import { LIMITS } from '../models/limits.ts'
import { requirementAutomaton } from '../search/automaton.ts'
import { bestChooser } from '../search/choosers/best.ts'
import type { Chooser } from '../search/choosers/chooser.ts'
import { constrainedChooser } from '../search/choosers/constrained.ts'
import { diverseChooser } from '../search/choosers/diverse.ts'
import { sampleChooser } from '../search/choosers/sample.ts'
import { DEFAULT_BEAM, DEFAULT_MAX_LENGTH, PHOTO_SEARCH, RESCORED_BEAM } from '../search/defaults.ts'
import type { Filter } from '../search/filters/filter.ts'
import { minLength } from '../search/filters/min-length.ts'
import { noBadEnding } from '../search/filters/no-bad-ending.ts'
import { noRepeatedNgram } from '../search/filters/no-repeated-ngram.ts'
import { noRepeatedWord } from '../search/filters/no-repeated-word.ts'
import { lengthNormalisedRanker } from '../search/rankers/length-normalised.ts'
import { logProbRanker } from '../search/rankers/log-prob.ts'
import type { Ranker } from '../search/rankers/ranker.ts'
import { wuRanker } from '../search/rankers/wu.ts'
import { wordRescorer } from '../search/rescorer.ts'
import type { SearchOptions } from '../search/search.ts'
import { badEndings, contentClasses, requirementOf } from '../search/word-lists.ts'
import type { Vocabulary } from '../text/vocabulary.ts'
import { thousands } from '../wording.ts'
import type { WordValues } from './concept-values.ts'
import type { StoredDetector } from './stored-detector.ts'

/** How hypotheses of different lengths are compared; see docs/search.md. */
export type LengthPenalty = 'none' | 'average' | `wu_${number}`

/** How captions are searched for. */
export interface SearchChoices {
  /** hypotheses that keep growing, 3 by default, 10 with `conceptWeight`; 1 is greedy search */
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
  /** no content word comes twice in a caption, nor its plural beside it; by default true for photographs only */
  readonly blockRepeatedWords?: boolean
  /** no caption ends with a word such as "a" or "with"; false by default */
  readonly blockBadEndings?: boolean
  /**
   * what each concept that a caption names adds to its score, times the detector's confidence and the word's rarity
   * (see conceptValues()): the best of the beam's captions is chosen by it. 0 by default, 0.2 for photographs; without
   * effect for captioners that use no concepts
   */
  readonly conceptWeight?: number
  /** captions of each image, 1 by default; the beam grows with it if it is not given */
  readonly captions?: number
  /** groups of a diverse beam search; 1, the default, is an ordinary one. The beam is a multiple */
  readonly groups?: number
  /** what is taken from a word's log-probability for each earlier group that has it in this place; 0.5 by default */
  readonly diversity?: number
  /**
   * words that must appear: of each list one word, or one sequence of words such as `hot dog`; none by default. With
   * them each set of lists that a caption has met has a beam of its own (constrained beam search)
   */
  readonly require?: readonly (readonly string[])[]
  /** draws the captions instead of searching for the most probable ones; false by default */
  readonly sample?: boolean
  /** divides log-probabilities before a word is drawn; 1 by default, lower is more cautious */
  readonly temperature?: number
  /** draws from so many most probable words; 0, the default, for all */
  readonly topK?: number
  /** draws from the most probable words that together have this probability; 1 by default */
  readonly topP?: number
  /** of the random numbers: the same seed gives the same captions of an image; 1 by default */
  readonly seed?: number
}

/** The choices of a search with their defaults filled in. */
export type SearchSettings = Required<SearchChoices>

/** The published beam search: that of validation and of `mia test` without options. */
export const DEFAULT_SEARCH: SearchSettings = {
  beam: DEFAULT_BEAM,
  maxLength: DEFAULT_MAX_LENGTH,
  minLength: 0,
  lengthPenalty: 'none',
  blockNgrams: 0,
  blockRepeatedWords: false,
  blockBadEndings: false,
  conceptWeight: 0,
  captions: 1,
  groups: 1,
  diversity: 0.5,
  require: [],
  sample: false,
  temperature: 1,
  topK: 0,
  topP: 1,
  seed: 1,
}

/**
 * Fills in the defaults, those of the published search unless others are given. Throws RangeError, with the choices
 * named by `nameOf`, for those that contradict each other or are out of range.
 */
export function searchSettings(
  choices: SearchChoices,
  nameOf = (key: string): string => key,
  defaults: SearchSettings = DEFAULT_SEARCH,
): SearchSettings {
  const settings = { ...defaults }
  for (const key of Object.keys(DEFAULT_SEARCH) as (keyof SearchSettings)[])
    if (choices[key] !== undefined) Object.assign(settings, { [key]: choices[key] })
  const fail = (key: keyof SearchSettings, wanted: string): never => {
    throw new RangeError(`Cannot caption with ${nameOf(key)} ${settings[key]}: it must be ${wanted}`)
  }
  for (const [key, least, most] of INTEGERS) {
    const value = settings[key]
    if (!Number.isSafeInteger(value) || value < least || value > most)
      fail(key, `a whole number from ${least} to ${thousands(most)}`)
  }
  const { captions, groups, maxLength, sample, temperature, topP, require: required } = settings
  const kinds = [sample && 'sample', groups > 1 && 'groups', required.length > 0 && 'require'].filter((kind) => !!kind)
  // These searches have an order of captions of their own.
  if (choices.conceptWeight === undefined && kinds.length > 0) Object.assign(settings, { conceptWeight: 0 })
  const { conceptWeight } = settings
  if (choices.beam === undefined) {
    const least = conceptWeight > 0 ? RESCORED_BEAM : DEFAULT_BEAM
    Object.assign(settings, { beam: sample ? captions : roundedUp(Math.max(least, captions, groups), groups) })
  }
  const { beam } = settings
  if (settings.minLength >= maxLength)
    fail('minLength', `below ${nameOf('maxLength')} ${maxLength}, which counts the end token`)
  if (rankerOf(settings.lengthPenalty) === undefined) fail('lengthPenalty', LENGTH_PENALTIES)
  if (captions > beam) fail('captions', `at most ${nameOf('beam')} ${beam}`)
  if (beam % groups !== 0) fail('beam', `a multiple of ${nameOf('groups')} ${groups}`)
  if (groups > 1 && captions < 2)
    fail('groups', `1 for a single caption, which is that of the first group; add ${nameOf('captions')} ${groups}`)
  if (!(settings.diversity >= 0 && settings.diversity <= 1000)) fail('diversity', 'a number from 0 to 1,000')
  if (!(conceptWeight >= 0 && conceptWeight <= 1000)) fail('conceptWeight', 'a number from 0 to 1,000')
  if (conceptWeight > 0 && kinds.length > 0) fail('conceptWeight', `left out with ${nameOf(`${kinds[0]}`)}`)
  if (!(temperature > 0 && temperature <= 1000)) fail('temperature', 'a number above 0 and at most 1,000')
  if (!(topP > 0 && topP <= 1)) fail('topP', 'a number above 0 and at most 1')
  if (sample && beam !== captions)
    fail('beam', `left out with ${nameOf('sample')}: as many captions are drawn as asked`)
  for (const key of ['temperature', 'topK', 'topP'] as const)
    if (!sample && settings[key] !== DEFAULT_SEARCH[key]) fail(key, `left out without ${nameOf('sample')}`)
  if (kinds.length > 1)
    throw new RangeError(
      `Cannot caption with ${kinds.map((kind) => nameOf(`${kind}`)).join(' and ')}: choose one of them`,
    )
  return settings
}

/** searchSettings() for captions of photographs, with the defaults of PHOTO_SEARCH. */
export const photoSearchSettings = (choices: SearchChoices, nameOf?: (key: string) => string): SearchSettings =>
  searchSettings(choices, nameOf, { ...DEFAULT_SEARCH, ...PHOTO_SEARCH })

/**
 * photoSearchSettings() for a captioner with that detector: where concepts cannot be weighed, they have no weight, and
 * the beam is that without.
 */
export const photoSettingsFor = (detector: StoredDetector | undefined, choices: SearchChoices): SearchSettings =>
  photoSearchSettings(detector?.info.imageShares ? choices : { ...choices, conceptWeight: 0 })

const roundedUp = (value: number, multipleOf: number): number => Math.ceil(value / multipleOf) * multipleOf

/** What `lengthPenalty` may be, for errors and help. */
const LENGTH_PENALTIES = 'none, average, or wu_ and a number from 0 to 10 such as wu_0.7'

type IntegerKey = 'beam' | 'maxLength' | 'minLength' | 'blockNgrams' | 'captions' | 'groups' | 'topK' | 'seed'
const INTEGERS: readonly (readonly [IntegerKey, number, number])[] = [
  ['beam', 1, LIMITS.beam],
  ['maxLength', 1, LIMITS.maxLength],
  ['minLength', 0, LIMITS.maxLength],
  ['blockNgrams', 0, LIMITS.maxLength],
  ['captions', 1, LIMITS.beam],
  ['groups', 1, LIMITS.beam],
  ['topK', 0, LIMITS.vocabularySize],
  ['seed', 0, Number.MAX_SAFE_INTEGER],
]

function rankerOf(penalty: string): Ranker | undefined {
  if (penalty === 'none') return logProbRanker
  if (penalty === 'average') return lengthNormalisedRanker(1)
  const alpha = Number(/^wu_(\d+(?:\.\d+)?)$/.exec(penalty)?.[1])
  return alpha <= 10 ? wuRanker(alpha) : undefined
}

/**
 * Makes the options of search() for a batch of images from their names and what words are worth in their captions, for
 * settings and a captioner's vocabulary. Throws UserError for a required word that the vocabulary lacks.
 */
export function searchFor(
  settings: SearchSettings,
  vocabulary: Vocabulary,
): (names: readonly string[], values?: readonly WordValues[]) => Omit<SearchOptions, 'signal'> {
  const { beam, maxLength, blockNgrams, captions: keep, conceptWeight } = settings
  const filters: Filter[] = []
  if (settings.minLength > 0) filters.push(minLength(settings.minLength))
  if (blockNgrams > 0) filters.push(noRepeatedNgram(blockNgrams))
  if (settings.blockRepeatedWords) filters.push(noRepeatedWord(contentClasses(vocabulary)))
  if (settings.blockBadEndings) filters.push(noBadEnding(badEndings(vocabulary)))
  const common = { beam, maxLength, keep, filters, ranker: rankerOf(settings.lengthPenalty)! }
  const chooserFor = chooserOf(settings, vocabulary)
  return (names, values) => ({
    ...common,
    chooser: chooserFor(names),
    ...(values && conceptWeight > 0 && { rescorer: wordRescorer(values, conceptWeight) }),
  })
}

function chooserOf(
  { require: required, groups, diversity, sample, temperature, topK, topP, seed }: SearchSettings,
  vocabulary: Vocabulary,
): (names: readonly string[]) => Chooser {
  if (sample)
    return (names) =>
      sampleChooser({ temperature, topK, topP, seed, streams: names.map((name) => hashOf(baseOf(name))) })
  if (groups > 1) return () => diverseChooser(groups, diversity)
  if (required.length === 0) return () => bestChooser
  const automaton = requirementAutomaton(required.map((list) => requirementOf(list, vocabulary)))
  return (names) => constrainedChooser(names.map(() => automaton))
}

/** The file name of a path or address: a photo has the same samples wherever it lies. */
const baseOf = (name: string): string => name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1)

/** 32 bits of a text (FNV-1a). */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
