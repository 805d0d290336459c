import type { Box } from './boxes.ts'

/** A network's map: cells row by row, each a vector, `[rows * columns, size]`. */
export interface FeatureMap {
  readonly data: Float32Array
  readonly columns: number
  readonly rows: number
  readonly size: number
}

/** Points looked at along each side of a box. */
const POINTS = 7

/**
 * The mean of a map inside a box, by RoIAlign (He et al., Mask R-CNN, 2017, section 3): the map is sampled at 7 x 7 points spread evenly over the
 * box, each interpolated bilinearly between the cells' centres, and the samples are averaged. Written into `into` `[size]`.
 */
export function roiAlign({ data, columns, rows, size }: FeatureMap, box: Box, into: Float32Array): void {
  into.fill(0)
  for (let i = 0; i < POINTS; i++) {
    const y = between(box.top, box.bottom, i) * rows - 0.5
    for (let j = 0; j < POINTS; j++) {
      const x = between(box.left, box.right, j) * columns - 0.5
      addSample(data, { columns, rows, size }, x, y, into)
    }
  }
}

const between = (from: number, to: number, i: number): number => from + ((i + 0.5) / POINTS) * (to - from)

function addSample(
  data: Float32Array,
  { columns, rows, size }: Omit<FeatureMap, 'data'>,
  x: number,
  y: number,
  into: Float32Array,
): void {
  const [left, right, partX] = neighbours(x, columns)
  const [top, bottom, partY] = neighbours(y, rows)
  const corners: readonly (readonly [cell: number, weight: number])[] = [
    [top * columns + left, (1 - partX) * (1 - partY)],
    [top * columns + right, partX * (1 - partY)],
    [bottom * columns + left, (1 - partX) * partY],
    [bottom * columns + right, partX * partY],
  ]
  for (const [cell, weight] of corners) {
    if (weight === 0) continue
    const share = weight / (POINTS * POINTS)
    for (let channel = 0; channel < size; channel++) into[channel]! += share * data[cell * size + channel]!
  }
}

/** The cells on both sides of a place, and how near it is to the second; beyond the outer centres the outer cells hold. */
function neighbours(place: number, count: number): [number, number, number] {
  const inside = Math.min(Math.max(place, 0), count - 1)
  const first = Math.floor(inside)
  return [first, Math.min(first + 1, count - 1), inside - first]
}
