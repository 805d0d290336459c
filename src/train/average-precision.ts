/**
 * The average precision of a ranking (as in Fang et al., CVPR 2015, section 3): the mean, over the positives, of the
 * precision among all items that score at least as high. `positive` is 0 or 1 for each score. Returns undefined if no
 * item is positive.
 */
export function averagePrecision(scores: ArrayLike<number>, positive: ArrayLike<number>): number | undefined {
  const order = Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b]! - scores[a]!)
  let found = 0
  let total = 0
  for (let start = 0, end = 0; start < order.length; start = end) {
    let here = 0
    while (end < order.length && scores[order[end]!] === scores[order[start]!]) here += positive[order[end++]!] ? 1 : 0
    found += here
    total += here * (found / end) // equal scores count together: their order must not matter
  }
  return found === 0 ? undefined : total / found
}
