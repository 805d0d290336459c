/**
 * Prefetches: calls `work` on the items, at most `ahead` at a time, and yields the results in the order of the items.
 * An error of `work` is thrown at its item's turn.
 */
export async function* inOrder<Item, Result>(
  items: Iterable<Item>,
  work: (item: Item) => Promise<Result>,
  ahead: number,
): AsyncGenerator<Result> {
  const started: Promise<Result>[] = []
  for (const item of items) {
    const result = work(item)
    result.catch(() => {}) // thrown at its turn, or never if the reader stops before
    started.push(result)
    if (started.length >= ahead) yield started.shift()!
  }
  while (started.length > 0) yield started.shift()!
}
