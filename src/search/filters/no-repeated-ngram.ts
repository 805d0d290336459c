import type { Filter } from './filter.ts'

/**
 * Forbids that `n` words in a row come twice in a caption (Paulus et al. 2018, section 2.5). Throws RangeError for n
 * below 1.
 */
export function noRepeatedNgram(n: number): Filter {
  if (!Number.isInteger(n) || n < 1) throw new RangeError(`Cannot forbid repeated ${n}-grams: n must be at least 1`)
  return {
    apply({ frontier, trace }, penalties) {
      if (frontier.length < n) return
      for (const [row, node] of frontier.nodes.entries()) {
        const words = trace.words(node)
        const last = words.slice(words.length - n + 1)
        const banned = new Set<number>()
        for (let start = 0; start + n <= words.length; start++)
          if (last.every((word, i) => words[start + i] === word)) banned.add(words[start + n - 1]!)
        for (const word of banned) penalties.add(row, word, Number.NEGATIVE_INFINITY)
      }
    },
  }
}
