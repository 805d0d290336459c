/** A part of some items: from `start` up to `end`. */
export interface Share {
  readonly start: number
  readonly end: number
}

/**
 * The share of part `index`, from 0, of `parts` that divide `count` items, in order: their sizes differ by one at most.
 */
export const shareOf = (count: number, index: number, parts: number): Share => ({
  start: Math.floor((count * index) / parts),
  end: Math.floor((count * (index + 1)) / parts),
})

/**
 * The share of a part if the items are worked on in batches of `batchSize`: it begins and ends where a batch does, so
 * that all parts together have the batches that one process would have.
 */
export function batchShareOf(count: number, batchSize: number, index: number, parts: number): Share {
  const { start, end } = shareOf(Math.ceil(count / batchSize), index, parts)
  return { start: Math.min(count, start * batchSize), end: Math.min(count, end * batchSize) }
}
