/**
 * Kendall's tau-c (Stuart, 1953) of two variables with ties, -1 to 1, by Knight's algorithm in O(n log n):
 * 2 (C - D) / (n² (m - 1) / m), where C and D are the numbers of concordant and discordant pairs and m is the smaller
 * number of distinct values. As scipy's `kendalltau(x, y, variant='c')`; NaN if a variable is constant.
 */
export function tauC(x: ArrayLike<number>, y: ArrayLike<number>): number {
  if (x.length !== y.length) throw new RangeError(`Cannot correlate ${x.length} values with ${y.length}`)
  const n = x.length
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => x[i]! - x[j]! || y[i]! - y[j]!)
  const [xs, ys] = [order.map((i) => x[i]!), order.map((i) => y[i]!)]
  const both = tiedPairs(n, (i) => xs[i] === xs[i - 1] && ys[i] === ys[i - 1])
  const tiedX = tiedPairs(n, (i) => xs[i] === xs[i - 1])
  const discordant = sortAndCountInversions(ys)
  const tiedY = tiedPairs(n, (i) => ys[i] === ys[i - 1])
  const difference = (n * (n - 1)) / 2 - tiedX - tiedY + both - 2 * discordant
  const distinct = Math.min(new Set(xs).size, new Set(ys).size)
  return (2 * difference) / (n ** 2 * ((distinct - 1) / distinct))
}

/** The number of pairs within runs of equal elements of a sorted list. */
function tiedPairs(n: number, equalsPrevious: (i: number) => boolean): number {
  let [pairs, run] = [0, 0]
  for (let i = 1; i < n; i++) {
    run = equalsPrevious(i) ? run + 1 : 0
    pairs += run
  }
  return pairs
}

/** Sorts the values in place by merging; returns the number of pairs that were in the wrong order. */
function sortAndCountInversions(values: number[]): number {
  let inversions = 0
  let [from, to] = [values, new Array<number>(values.length)]
  for (let width = 1; width < values.length; width *= 2) {
    for (let start = 0; start < values.length; start += 2 * width) {
      const middle = Math.min(start + width, values.length)
      const end = Math.min(start + 2 * width, values.length)
      let [left, right] = [start, middle]
      for (let at = start; at < end; at++) {
        const takeLeft = left < middle && (right >= end || from[left]! <= from[right]!)
        if (!takeLeft) inversions += middle - left
        to[at] = from[takeLeft ? left++ : right++]!
      }
    }
    ;[from, to] = [to, from]
  }
  for (let i = 0; i < values.length; i++) values[i] = from[i]!
  return inversions
}
