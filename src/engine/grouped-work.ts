import type { BatchWork } from './queue.ts'

/**
 * The work of a BatchQueue whose items fit together only if their keys are equal: `work` processes each group of a
 * batch by itself, and an error that it throws fails the items of that group only.
 */
export const grouped =
  <Item, Result>(keyOf: (item: Item) => string, work: BatchWork<Item, Result>): BatchWork<Item, Result> =>
  async (items, signal) => {
    const results: (Result | Error)[] = []
    for (const places of placesByKey(items, keyOf).values()) {
      const group = await work(
        places.map((place) => items[place]!),
        signal,
      ).catch((error: unknown) => places.map(() => error as Error))
      for (const [i, place] of places.entries()) results[place] = group[i]!
    }
    return results
  }

/** The places of the items by their keys. */
function placesByKey<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, number[]> {
  const places = new Map<string, number[]>()
  for (const [place, item] of items.entries()) {
    const key = keyOf(item)
    places.set(key, [...(places.get(key) ?? []), place])
  }
  return places
}
