/** Rows and columns. */
type Size = readonly [rows: number, columns: number]

/**
 * The matrix that averages a map over the cells of a grid on the same picture, `[cells of the grid, cells of the map]`.
 * A weight is the fraction of the grid's cell that the map's cell covers, so that sizes need not divide.
 */
export function averageGrid(grid: Size, map: Size): Float32Array {
  const [down, across] = [weights(grid[0], map[0]), weights(grid[1], map[1])]
  return Float32Array.from(
    down.flatMap((top) => across.flatMap((left) => top.flatMap((high) => left.map((wide) => high * wide)))),
  )
}

/**
 * The fraction of each of `side` equal parts of an axis that each of its `count` equal parts covers, `[side, count]`.
 */
const weights = (side: number, count: number): number[][] =>
  Array.from({ length: side }, (_, i) =>
    Array.from({ length: count }, (_, j) => {
      const from = Math.max(i / side, j / count)
      const to = Math.min((i + 1) / side, (j + 1) / count)
      return Math.max(0, to - from) * side
    }),
  )
