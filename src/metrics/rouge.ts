import { checkCandidates, checkReferences, type Metric, meanScore, type Tokens } from './metric.ts'

/** How much recall counts against precision. */
const BETA = 1.2

/**
 * ROUGE-L (Lin, 2004, section 3) as coco-caption computes it: the longest common subsequence against each reference, of the references' precisions and
 * recalls the best of each, and their F-measure. The corpus score is the mean.
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

/** The length of the longest sequence of words that both have in this order, with others between them or not. */
function longestCommonSubsequence(a: Tokens, b: Tokens): number {
  const lengths = new Uint16Array(b.length + 1) // of what was read of a, and the first j words of b
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
