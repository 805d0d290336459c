import type { WordNet } from '../english/wordnet.ts'
import { checkCandidates, checkReferences, type Metric, pooledScore, type Tokens } from '../metric.ts'
import { align, countChunks } from './align.ts'
import { FUNCTION_WORDS } from './function-words.ts'
import { MODULES, type Span } from './match.ts'
import { Matcher } from './matcher.ts'
import { meteorWords } from './normalise.ts'
import type { Paraphrases } from './paraphrases.ts'

/** The parameters for English, tuned to human rankings (Denkowski and Lavie, WMT 2014, table 2). */
const [ALPHA, BETA, GAMMA, DELTA] = [0.85, 0.2, 0.6, 0.75]
/** The weight of a match by module, in the order of MODULES. */
const WEIGHTS = [1, 0.6, 0.8, 0.6]

/**
 * Layout of an image's sufficient statistics, which add up over a corpus: the number of chunks; then for the candidate
 * and for the reference the number of words, of function words, of matched content words by module, and of matched
 * function words by module.
 */
const SIDE = 2 + 2 * MODULES.length
const WIDTH = 1 + 2 * SIDE

/**
 * METEOR 1.5 for English, 0 to 1 (Denkowski and Lavie, WMT 2014), as coco-caption calls it: the best score over the
 * references of an image; the corpus score pools the images' counts. Without METEOR's paraphrase table the modules are
 * exact, stem and synonym.
 */
export function meteor(wordnet: WordNet, paraphrases?: Paraphrases): Metric {
  const matcher = new Matcher(wordnet, paraphrases)
  return {
    names: ['METEOR'],
    choices: `modules:${MODULES.slice(0, paraphrases ? 4 : 3).join('+')}|wordnet:3.0|task:rank`,
    best: 1,
    prepare(captions) {
      checkReferences(captions)
      const references = captions.map((image) => image.map(wordsOf))
      return {
        score(candidates) {
          checkCandidates(candidates, references.length)
          const statistics = candidates.flatMap((tokens, image) => bestOf(matcher, wordsOf(tokens), references[image]!))
          return new Map([['METEOR', pooledScore(statistics, WIDTH, scoreOf)]])
        },
      }
    },
  }
}

const wordsOf = (tokens: Tokens): string[] => meteorWords(tokens.join(' '))

/** The statistics of the reference with the best score. */
function bestOf(matcher: Matcher, candidate: readonly string[], references: readonly (readonly string[])[]): number[] {
  let best = { score: -1, statistics: [] as number[] }
  for (const reference of references) {
    const statistics = statisticsOf(matcher, candidate, reference)
    const score = scoreOf(statistics)
    if (score > best.score) best = { score, statistics }
  }
  return best.statistics
}

/** The statistics of a candidate and one reference. */
function statisticsOf(matcher: Matcher, candidate: readonly string[], reference: readonly string[]): number[] {
  const chosen = align(matcher.matches(candidate, reference), candidate.length)
  const spans = (key: 'candidate' | 'reference') => chosen.map((match) => ({ module: match.module, ...match[key] }))
  return [countChunks(chosen), ...count(candidate, spans('candidate')), ...count(reference, spans('reference'))]
}

/** The statistics of one side, given the spans of its matched words. */
function count(words: readonly string[], matched: readonly (Span & { readonly module: number })[]): number[] {
  const isFunction = words.map((word) => FUNCTION_WORDS.has(word))
  const counts = new Array<number>(SIDE).fill(0)
  counts[0] = words.length
  counts[1] = isFunction.filter(Boolean).length
  for (const { module, start, length } of matched)
    for (let i = start; i < start + length; i++) counts[2 + module + (isFunction[i] ? MODULES.length : 0)]! += 1
  return counts
}

/** (1 - fragmentation penalty) times the weighted harmonic mean of precision and recall (section 2.2 of the paper). */
function scoreOf(statistics: ArrayLike<number>): number {
  const chunks = statistics[0]!
  const [candidate, reference] = [sideAt(statistics, 1), sideAt(statistics, 1 + SIDE)]
  const mean = 1 / ((1 - ALPHA) / candidate.fraction + ALPHA / reference.fraction)
  const whole = candidate.matched === candidate.words && reference.matched === reference.words && chunks === 1
  const fragmentation = whole ? 0 : chunks / ((candidate.matched + reference.matched) / 2)
  const score = mean * (1 - GAMMA * fragmentation ** BETA)
  return Number.isNaN(score) ? 0 : Math.max(score, 0)
}

/**
 * For one side: its words, its matched words, and the weighted fraction that is matched (precision or recall), where
 * DELTA weights content words against function words and WEIGHTS the modules.
 */
function sideAt(statistics: ArrayLike<number>, at: number): { words: number; matched: number; fraction: number } {
  const [words, functionWords] = [statistics[at]!, statistics[at + 1]!]
  let [matched, weighted] = [0, 0]
  for (const [module, weight] of WEIGHTS.entries()) {
    const content = statistics[at + 2 + module]!
    const functions = statistics[at + 2 + MODULES.length + module]!
    matched += content + functions
    weighted += weight * (DELTA * content + (1 - DELTA) * functions)
  }
  return { words, matched, fraction: weighted / (DELTA * (words - functionWords) + (1 - DELTA) * functionWords) }
}
