/**
 * The `count` levels, ascending, to which rounding up the sizes adds least in all (fewer if there are fewer sizes). What is padded to a level
 * needs a session of its own, which is compiled and kept. Exact, by dynamic programming: the best choice that ends at a level is the best choice
 * that ends at a smaller one, with one more.
 */
export function chooseLevels(sizes: readonly number[], count: number): number[] {
  const images: number[] = []
  for (const size of sizes) images[size] = (images[size] ?? 0) + 1
  const candidates = Object.keys(images).map(Number)
  // least[i] is the total, and chosen[i] the levels, when all sizes up to candidates[i] are rounded up.
  let least: number[] = candidates.map((level, i) => level * sum(candidates.slice(0, i + 1), images))
  let chosen = candidates.map((level) => [level])
  for (let n = 2; n <= Math.min(count, candidates.length); n++) {
    const previous = { least, chosen }
    least = [...least]
    chosen = [...chosen]
    for (const [i, level] of candidates.entries()) {
      for (let j = 0; j < i; j++) {
        const total = previous.least[j]! + level * sum(candidates.slice(j + 1, i + 1), images)
        if (total >= least[i]!) continue
        least[i] = total
        chosen[i] = [...previous.chosen[j]!, level]
      }
    }
  }
  return chosen.at(-1) ?? []
}

const sum = (levels: readonly number[], images: readonly number[]): number =>
  levels.reduce((total, level) => total + images[level]!, 0)

/** The first of the levels, ascending, that is as large as `size`; undefined if none is. */
export const levelOf = (size: number, levels: readonly number[]): number | undefined =>
  levels.find((level) => level >= size)
