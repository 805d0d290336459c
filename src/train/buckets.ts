/**
 * Chooses at most `count` of the sizes as buckets, ascending, so that rounding every size up to its bucket adds as
 * little as possible in all. Every bucket needs a compiled session of its own. The choice is exact, by dynamic
 * programming: the best buckets up to a size are the best with one bucket less up to a smaller size, and that size.
 */
export function chooseBuckets(sizes: readonly number[], count: number): number[] {
  const images: number[] = []
  for (const size of sizes) images[size] = (images[size] ?? 0) + 1
  const candidates = Object.keys(images).map(Number)
  // least[i] is the total, and chosen[i] the buckets, if all sizes up to candidates[i] are rounded up.
  let least: number[] = candidates.map((bucket, i) => bucket * sum(candidates.slice(0, i + 1), images))
  let chosen = candidates.map((bucket) => [bucket])
  for (let n = 2; n <= Math.min(count, candidates.length); n++) {
    const previous = { least, chosen }
    least = [...least]
    chosen = [...chosen]
    for (const [i, bucket] of candidates.entries()) {
      for (let j = 0; j < i; j++) {
        const total = previous.least[j]! + bucket * sum(candidates.slice(j + 1, i + 1), images)
        if (total >= least[i]!) continue
        least[i] = total
        chosen[i] = [...previous.chosen[j]!, bucket]
      }
    }
  }
  return chosen.at(-1) ?? []
}

const sum = (sizes: readonly number[], images: readonly number[]): number =>
  sizes.reduce((total, size) => total + images[size]!, 0)

/** The smallest bucket that holds `size`; undefined if all are smaller. `buckets` are ascending. */
export const bucketOf = (size: number, buckets: readonly number[]): number | undefined =>
  buckets.find((bucket) => bucket >= size)
