import { expect, test } from 'vitest'
import { averageGrid } from '../../../../src/vision/networks/centernet/average-grid.ts'

const near = (rows: Float32Array, wanted: readonly number[]) => {
  expect(rows.length).toBe(wanted.length)
  for (const [i, value] of wanted.entries()) expect(rows[i]).toBeCloseTo(value, 6)
}

test('averageGrid() averages blocks if the sizes divide', () => {
  near(averageGrid([1, 1], [2, 2]), [0.25, 0.25, 0.25, 0.25])
  near(averageGrid([2, 2], [2, 2]), [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1])
  near(averageGrid([2, 2], [2, 4]), [
    ...[0.5, 0.5, 0, 0, 0, 0, 0, 0],
    ...[0, 0, 0.5, 0.5, 0, 0, 0, 0],
    ...[0, 0, 0, 0, 0.5, 0.5, 0, 0],
    ...[0, 0, 0, 0, 0, 0, 0.5, 0.5],
  ])
})

test('averageGrid() splits cells if the sizes do not divide: half of three columns is one and a half', () => {
  near(averageGrid([2, 2], [2, 3]).subarray(0, 6), [2 / 3, 1 / 3, 0, 0, 0, 0])
})

test('averageGrid() of a map smaller than the grid repeats its cells', () => {
  near(averageGrid([2, 2], [1, 1]), [1, 1, 1, 1])
})
