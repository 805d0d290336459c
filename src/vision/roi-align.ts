import type { Box } from './boxes.ts'

/** A network's feature map. */
export interface FeatureMap {
  /** the cells row by row, `[rows * columns, size]` */
  readonly data: Float32Array
  readonly columns: number
  readonly rows: number
  readonly size: number
}

/** Sampling points along each side of a box. */
const POINTS = 7

/**
 * Pools a feature map inside a box by RoIAlign (He et al., Mask R-CNN, 2017, section 3) with one bin: averages 7 x 7
 * evenly spaced samples, each interpolated bilinearly between the centres of cells. Writes the result into `into`,
 * `[size]`.
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
  const [left, right, xWeight] = neighbours(x, columns)
  const [top, bottom, yWeight] = neighbours(y, rows)
  const corners: readonly (readonly [cell: number, weight: number])[] = [
    [top * columns + left, (1 - xWeight) * (1 - yWeight)],
    [top * columns + right, xWeight * (1 - yWeight)],
    [bottom * columns + left, (1 - xWeight) * yWeight],
    [bottom * columns + right, xWeight * yWeight],
  ]
  for (const [cell, weight] of corners) {
    if (weight === 0) continue
    const scaled = weight / (POINTS * POINTS)
    for (let channel = 0; channel < size; channel++) into[channel]! += scaled * data[cell * size + channel]!
  }
}

/** The cells on both sides of a position, and the weight of the second; edge cells extend outwards. */
function neighbours(position: number, count: number): [number, number, number] {
  const inside = Math.min(Math.max(position, 0), count - 1)
  const first = Math.floor(inside)
  return [first, Math.min(first + 1, count - 1), inside - first]
}
