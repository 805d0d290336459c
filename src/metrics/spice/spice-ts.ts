import { WordNet } from '../english/wordnet.ts'
import { checkCandidates, checkReferences, type Metric, meanScore, type SpicePart, type Tokens } from '../metric.ts'
import { sceneGraph } from './scene-graph.ts'
import { loadTagger, type Tagger } from './tagger.ts'
import { partsOf, type Tuple, TupleMatcher, tuplesOf } from './tuples.ts'

/** Version of the scene graph rules in the signature: increased whenever a rule changes a score. */
const RULES = 2
const PARTS: readonly SpicePart[] = ['object', 'relation', 'attribute', 'color', 'count', 'size']

/** The scores of SPICE-ts: of all tuples, and of the tuples of each part. */
export const SPICE_TS_NAMES = ['SPICE-ts', ...PARTS.map((part) => `SPICE-ts_${part}` as const)] as const

/**
 * SPICE-ts, 0 to 1: SPICE (Anderson et al., ECCV 2016) with another parser, the F-measure of the scene graph tuples of
 * a candidate against those of all its references together. The scene graphs come from a part-of-speech tagger and
 * rules instead of the Stanford parser, so the scores are near SPICE's but not comparable with them, hence the name.
 * The corpus score is the mean over images; an image without tuples scores 0. The scores of the parts (objects,
 * relations, attributes, and of these colours, counts and sizes) are NaN for images without such tuples, and their
 * corpus score ignores these images. Loads WordNet and the tagger.
 */
export async function spiceTs(): Promise<Metric> {
  const wordnet = await WordNet.load()
  const tagger = await loadTagger(wordnet)
  const matcher = new TupleMatcher(wordnet)
  return {
    names: SPICE_TS_NAMES,
    choices: `tagger:wink-nlp-2.4.0+eng-lite-1.8.1|wordnet:3.0|rules:${RULES}`,
    best: 1,
    prepare(captions) {
      checkReferences(captions)
      const read = reader(tagger)
      const references = captions.map((image) => matcher.merge(image.map(read)))
      return {
        score(candidates) {
          checkCandidates(candidates, references.length)
          const tuplesOfCandidates = candidates.map((tokens) => matcher.merge([read(tokens)]))
          const scoreOf = (part?: SpicePart) =>
            meanScore(
              tuplesOfCandidates.map((tuples, image) =>
                fMeasure(matcher, only(tuples, part), only(references[image]!, part)),
              ),
            )
          return new Map([
            ['SPICE-ts', meanScore(scoreOf().each.map((score) => (Number.isNaN(score) ? 0 : score)))] as const,
            ...PARTS.map((part) => [`SPICE-ts_${part}`, scoreOf(part)] as const),
          ])
        },
      }
    },
  }
}

/** Returns a function that parses captions into tuples and caches the result by caption. */
function reader(tagger: Tagger): (tokens: Tokens) => Tuple[] {
  const known = new Map<string, Tuple[]>()
  return (tokens) => {
    const caption = tokens.join(' ')
    const tuples = known.get(caption) ?? tuplesOf(sceneGraph(tagger(tokens)))
    known.set(caption, tuples)
    return tuples
  }
}

/** The tuples of a part, or all tuples. */
const only = (tuples: readonly Tuple[], part: SpicePart | undefined): readonly Tuple[] =>
  part ? tuples.filter((tuple) => partsOf(tuple).includes(part)) : tuples

/** The F-measure of matched tuples, each matched at most once; NaN if both sides are empty. */
function fMeasure(matcher: TupleMatcher, candidate: readonly Tuple[], reference: readonly Tuple[]): number {
  if (candidate.length === 0 && reference.length === 0) return Number.NaN
  const left = [...reference]
  let matched = 0
  for (const tuple of candidate) {
    const at = left.findIndex((other) => matcher.match(tuple, other))
    if (at < 0) continue
    left.splice(at, 1)
    matched += 1
  }
  return (2 * matched) / (candidate.length + reference.length)
}
