/**
 * Average precision of a ranking (as in Fang et al., CVPR 2015, section 3): the mean, over the positives, of the share of positives among all that
 * score at least as high. Undefined where nothing is positive.
 */
export function averagePrecision(scores: ArrayLike<number>, positive: ArrayLike<number>): number | undefined {
  const order = Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b]! - scores[a]!)
  let found = 0
  let total = 0
  for (let start = 0, end = 0; start < order.length; start = end) {
    let here = 0
    while (end < order.length && scores[order[end]!] === scores[order[start]!]) here += positive[order[end++]!] ? 1 : 0
    found += here
    total += here * (found / end) // equal scores stand together: their order must not matter
  }
  return found === 0 ? undefined : total / found
}
