import type { Filter } from './filter.ts'

/**
 * Forbids that a caption has two words of the same class, such as a noun and its plural; `classes` are disjoint lists
 * of word ids, and words in none of them may come again.
 */
export function noRepeatedWord(classes: readonly (readonly number[])[]): Filter {
  const classOf = new Map(classes.flatMap((words) => words.map((word) => [word, words] as const)))
  return {
    apply({ frontier, trace }, penalties) {
      for (const [row, node] of frontier.nodes.entries()) {
        const said = new Set(trace.words(node).flatMap((word) => classOf.get(word) ?? []))
        for (const word of said) penalties.add(row, word, Number.NEGATIVE_INFINITY)
      }
    },
  }
}
