/**
 * The `count` numbers of steps, ascending, to which rounding up the longest captions adds the fewest steps in all
 * (fewer if the captions have fewer lengths). Each length is a session that is compiled and kept. `steps[image]` has
 * for each caption how many words the decoder predicts, `<end>` counted. Exact, by dynamic programming: the best
 * choice that ends at a length is the best choice that ends at a shorter one, with one more.
 */
export function chooseLengths(steps: readonly (readonly number[])[], count = 8): number[] {
  const images: number[] = []
  for (const each of steps) {
    if (each.length === 0) continue
    const longest = Math.max(...each)
    images[longest] = (images[longest] ?? 0) + 1
  }
  const candidates = Object.keys(images).map(Number)
  // least[i] is the total of steps, and chosen[i] the lengths, when all captions up to candidates[i] are rounded up.
  let least: number[] = candidates.map((length, i) => length * sum(candidates.slice(0, i + 1), images))
  let chosen = candidates.map((length) => [length])
  for (let n = 2; n <= Math.min(count, candidates.length); n++) {
    const previous = { least, chosen }
    least = [...least]
    chosen = [...chosen]
    for (const [i, length] of candidates.entries()) {
      for (let j = 0; j < i; j++) {
        const total = previous.least[j]! + length * sum(candidates.slice(j + 1, i + 1), images)
        if (total >= least[i]!) continue
        least[i] = total
        chosen[i] = [...previous.chosen[j]!, length]
      }
    }
  }
  return chosen.at(-1) ?? []
}

function sum(lengths: readonly number[], images: readonly number[]): number {
  return lengths.reduce((total, length) => total + images[length]!, 0)
}
