import * as v from 'valibot'
import { DEFAULT_SEARCH } from '../caption/search-settings.ts'
import { LIMITS } from '../models/limits.ts'
import { PHOTO_SEARCH, RESCORED_BEAM } from '../search/defaults.ts'

/** The largest beam that a request may ask for: a larger one would make others wait. */
const MAX_BEAM = 20
/** The longest caption that a request may ask for. */
const MAX_WORDS = 100
/** The most requirements of a request: each doubles the hypotheses of its search. */
const MAX_REQUIREMENTS = 4

/** An integer in a query. */
const integer = (least: number, most: number, description: string) =>
  v.pipe(
    v.string(),
    v.transform((text) => (/^\d+$/.test(text) ? Number(text) : text)),
    v.number(),
    v.integer(),
    v.minValue(least),
    v.maxValue(most),
    v.description(description),
  )

/** An integer in a query, by default `fallback`. */
const count = (least: number, most: number, fallback: number, description: string) =>
  v.optional(integer(least, most, description), `${fallback}`)

interface Range {
  readonly least: number
  /** whether `least` itself is refused */
  readonly above?: boolean
  readonly most: number
}

/** A decimal number in a query. */
const number = ({ least, above = false, most }: Range, description: string) =>
  v.pipe(
    v.string(),
    v.transform((text) => (/^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : text)),
    v.number(),
    above ? v.gtValue(least) : v.minValue(least),
    v.maxValue(most),
    v.description(description),
  )

/** A decimal number in a query, by default `fallback`. */
const decimal = (range: Range, fallback: number, description: string) =>
  v.optional(number(range, description), `${fallback}`)

/** A switch in a query: 1 or true turns it on, 0 or false off. */
const flag = (description: string, fallback: '0' | '1' = '0') =>
  v.optional(
    v.pipe(
      v.picklist(['0', '1', 'false', 'true']),
      v.transform((text) => text === '1' || text === 'true'),
      v.boolean(),
      v.description(description),
    ),
    fallback,
  )

/** Parameters of POST /v1/caption: the choices of a search, see searchSettings(), and `explain`. */
export const CAPTION_QUERY = v.object({
  explain: flag('adds the attention of each word and the alignment of MIA'),
  beam: v.optional(
    integer(
      1,
      MAX_BEAM,
      `beam size; 1 is greedy search; ${RESCORED_BEAM}, without conceptWeight ${DEFAULT_SEARCH.beam}, or captions if that is more`,
    ),
  ),
  maxLength: count(1, MAX_WORDS, DEFAULT_SEARCH.maxLength, 'words of the longest caption, its end token counted'),
  minLength: count(0, MAX_WORDS - 1, DEFAULT_SEARCH.minLength, 'words of the shortest caption, without its end token'),
  lengthPenalty: v.optional(
    v.pipe(v.string(), v.description('how captions of different lengths are compared: none, average, or as in wu_0.7')),
    PHOTO_SEARCH.lengthPenalty,
  ),
  blockNgrams: count(0, MAX_WORDS, DEFAULT_SEARCH.blockNgrams, 'no so many words in a row come twice; 0 allows all'),
  blockRepeatedWords: flag('no noun, verb or adjective comes twice', '1'),
  blockBadEndings: flag('no caption ends with a word such as "a" or "with"'),
  conceptWeight: v.optional(
    number(
      { least: 0, most: 1000 },
      "what a concept that a caption names adds to its score, times the detector's confidence and the word's rarity; " +
        `${PHOTO_SEARCH.conceptWeight}, and 0 with groups, sample or require`,
    ),
  ),
  require: v.optional(
    v.pipe(
      v.array(v.string()),
      v.maxLength(MAX_REQUIREMENTS),
      v.description('one of these words must appear, as in dog,puppy; each time it is given, another'),
    ),
    [],
  ),
  captions: count(1, MAX_BEAM, DEFAULT_SEARCH.captions, 'captions of the picture; the others are its alternatives'),
  groups: count(1, MAX_BEAM, DEFAULT_SEARCH.groups, 'groups of a diverse beam search; the beam is a multiple'),
  diversity: decimal(
    { least: 0, most: 1000 },
    DEFAULT_SEARCH.diversity,
    'what a word loses, in nats, for each earlier group that has it in this place',
  ),
  sample: flag('draws the captions by chance'),
  temperature: decimal(
    { least: 0, above: true, most: 1000 },
    DEFAULT_SEARCH.temperature,
    'of drawn captions: lower is more cautious',
  ),
  topK: count(0, LIMITS.vocabularySize, DEFAULT_SEARCH.topK, 'draws from so many most probable words; 0 for all'),
  topP: decimal(
    { least: 0, above: true, most: 1 },
    DEFAULT_SEARCH.topP,
    'draws from the fewest most probable words that have this probability together',
  ),
  seed: count(0, Number.MAX_SAFE_INTEGER, DEFAULT_SEARCH.seed, 'the same seed draws the same captions of a picture'),
})

const PROBABILITY = v.pipe(v.number(), v.minValue(0), v.maxValue(1))
const INDEX_SIZE = v.pipe(v.number(), v.integer(), v.minValue(0))

const CONCEPT = v.pipe(
  v.object({ word: v.string(), score: v.pipe(PROBABILITY, v.description('confidence of the detector')) }),
  v.description('a word that the concept detector finds in the picture'),
)

const MATRIX = v.array(v.array(v.number()))

const EXPLANATION = v.pipe(
  v.object({
    boxes: v.pipe(MATRIX, v.description('left, top, right, bottom of each region as fractions of width and height')),
    concepts: v.pipe(v.array(CONCEPT), v.description('all concepts fed to the model, in the order of the columns')),
    words: v.pipe(
      v.nullable(MATRIX),
      v.description("each word's attention over the regions; null for models without attention"),
    ),
    alignment: v.pipe(
      v.nullable(v.object({ before: MATRIX, after: MATRIX })),
      v.description("each region's attention over the concepts before MIA and after it; null without mutual attention"),
    ),
  }),
  v.description('what the model attended to'),
)

const CAPTION_TEXT = {
  caption: v.string(),
  confidence: v.pipe(
    PROBABILITY,
    v.description(
      "probability that the caption fits, of a calibrated captioner; else the geometric mean of the words' probabilities",
    ),
  ),
  probability: v.pipe(PROBABILITY, v.description('probability of the whole caption')),
  words: v.pipe(
    v.array(v.object({ word: v.string(), probability: PROBABILITY })),
    v.description('each word with its probability given the words before it'),
  ),
}

/** The answer of POST /v1/caption. */
export const CAPTION = v.object({
  ...CAPTION_TEXT,
  alternatives: v.pipe(
    v.array(v.object(CAPTION_TEXT)),
    v.description('the other captions that the search found, best first; as many as `captions` asks for'),
  ),
  concepts: v.pipe(v.array(CONCEPT), v.description('the most probable concepts, best first')),
  explanation: v.optional(EXPLANATION),
})

/** The answer of POST /v1/represent. */
export const REPRESENTATION = v.object({
  concepts: v.pipe(v.array(v.string()), v.description('the concepts of the picture, best first')),
  tensors: v.pipe(
    v.record(
      v.string(),
      v.object({ shape: v.array(INDEX_SIZE), data: v.pipe(v.array(v.number()), v.description('row by row')) }),
    ),
    v.description(
      'sgir [rows, hidden size]: the semantic-grounded image representation; boxes [regions, 4]: left, top, right, ' +
        'bottom as fractions; mask [rows] where a picture has fewer rows',
    ),
  ),
})

/** The answer of GET /healthz and /readyz. */
export const STATUS = v.object({ status: v.picklist(['ok', 'stopping']) })

/** Why a request was refused, RFC 9457. */
export const PROBLEM = v.object({
  title: v.string(),
  status: v.pipe(v.number(), v.integer()),
  detail: v.string(),
  request: v.pipe(v.string(), v.description('the id of the request, as in the log')),
})
