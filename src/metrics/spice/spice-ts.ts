import { WordNet } from '../english/wordnet.ts'
import { checkCandidates, checkReferences, type Metric, meanScore, type SpicePart, type Tokens } from '../metric.ts'
import { sceneGraph } from './scene-graph.ts'
import { loadTagger, type Tagger } from './tagger.ts'
import { partsOf, type Tuple, TupleMatcher, tuplesOf } from './tuples.ts'

/** Rises whenever a rule of the scene graphs changes what is scored. */
const RULES = 1
const PARTS: readonly SpicePart[] = ['object', 'relation', 'attribute', 'color', 'count', 'size']

export const SPICE_TS_NAMES = ['SPICE-ts', ...PARTS.map((part) => `SPICE-ts_${part}` as const)] as const

/**
 * A score in the manner of SPICE (Anderson et al., ECCV 2016): the F-measure of what a caption's scene graph says against what those of all its references say
 * together. The graphs come of a part-of-speech tagger and rules of our own, not of the Stanford parser, so the values are near those of SPICE and are
 * not SPICE: they have a name of their own. The corpus score is the mean; captions without a statement on either side score 0. The scores of the parts
 * (objects, relations, attributes; of these colours, counts and sizes) leave out images where neither side says anything of the kind: those have NaN.
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
          const made = candidates.map((tokens) => matcher.merge([read(tokens)]))
          const scoreOf = (part?: SpicePart) =>
            meanScore(
              made.map((tuples, image) => fMeasure(matcher, only(tuples, part), only(references[image]!, part))),
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

/** Reads captions to tuples, each caption once. */
function reader(tagger: Tagger): (tokens: Tokens) => Tuple[] {
  const known = new Map<string, Tuple[]>()
  return (tokens) => {
    const caption = tokens.join(' ')
    const tuples = known.get(caption) ?? tuplesOf(sceneGraph(tagger(tokens)))
    known.set(caption, tuples)
    return tuples
  }
}

const only = (tuples: readonly Tuple[], part: SpicePart | undefined): readonly Tuple[] =>
  part ? tuples.filter((tuple) => partsOf(tuple).includes(part)) : tuples

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
