/**
 * How a map of `rows` x `columns` is averaged over the cells of a grid of `side` x `side` that covers the same picture: `[side * side, rows * columns]`,
 * in each row the share that each of the map's cells has in one of the grid's. Shares are areas, so that sizes need not divide and nothing is moved.
 */
export function averageGrid(side: number, rows: number, columns: number): Float32Array {
  const [down, across] = [shares(side, rows), shares(side, columns)]
  return Float32Array.from(
    down.flatMap((top) => across.flatMap((left) => top.flatMap((high) => left.map((wide) => high * wide)))),
  )
}

/** For each of `side` equal parts of an axis, the share that each of its `count` equal parts has in it. */
const shares = (side: number, count: number): number[][] =>
  Array.from({ length: side }, (_, i) =>
    Array.from({ length: count }, (_, j) => {
      const from = Math.max(i / side, j / count)
      const to = Math.min((i + 1) / side, (j + 1) / count)
      return Math.max(0, to - from) * side
    }),
  )
