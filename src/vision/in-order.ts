/** Does `work` on items, up to `ahead` of them at once before their turn, and gives the results in the items' order. */
export async function* inOrder<Item, Result>(
  items: Iterable<Item>,
  work: (item: Item) => Promise<Result>,
  ahead: number,
): AsyncGenerator<Result> {
  const underWay: Promise<Result>[] = []
  for (const item of items) {
    const result = work(item)
    result.catch(() => {}) // thrown when its turn comes, or never if the reader has gone
    underWay.push(result)
    if (underWay.length >= ahead) yield underWay.shift()!
  }
  while (underWay.length > 0) yield underWay.shift()!
}
