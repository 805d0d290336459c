import { checkCandidates, checkReferences, type Metric, meanScore, type Tokens } from './metric.ts'

/** Weight of recall relative to precision in the F-measure. */
const BETA = 1.2

/**
 * ROUGE-L, 0 to 1 (Lin, 2004, section 3), as coco-caption computes it: the F-measure of the highest precision and the
 * highest recall of the longest common subsequence over the references. The corpus score is the mean over images.
 */
export const rouge: Metric = {
  names: ['ROUGE_L'],
  choices: `beta:${BETA}`,
  best: 1,
  prepare(references) {
    checkReferences(references)
    return {
      score(candidates) {
        checkCandidates(candidates, references.length)
        const each = candidates.map((candidate, image) => fMeasure(candidate, references[image]!))
        return new Map([['ROUGE_L', meanScore(each)]])
      },
    }
  },
}

/** ROUGE-L of one candidate. */
function fMeasure(candidate: Tokens, references: readonly Tokens[]): number {
  let [precision, recall] = [0, 0]
  for (const reference of references) {
    const common = longestCommonSubsequence(candidate, reference)
    if (common === 0) continue
    precision = Math.max(precision, common / candidate.length)
    recall = Math.max(recall, common / reference.length)
  }
  if (precision === 0) return 0
  return ((1 + BETA ** 2) * precision * recall) / (recall + BETA ** 2 * precision)
}

/** The length of the longest common subsequence, by dynamic programming with one row. */
function longestCommonSubsequence(a: Tokens, b: Tokens): number {
  const lengths = new Uint16Array(b.length + 1) // [j]: of the words of `a` so far and the first j words of `b`
  for (const word of a) {
    let diagonal = 0
    for (let j = 1; j <= b.length; j++) {
      const above = lengths[j]!
      lengths[j] = word === b[j - 1] ? diagonal + 1 : Math.max(above, lengths[j - 1]!)
      diagonal = above
    }
  }
  return lengths[b.length]!
}
