import type { FeatureSource } from './feature-source.ts'

/**
 * The boxes of the cells of a square grid, row by row: left, top, right, bottom as fractions of the image, `[regions,
 * 4]`. Undefined for other sources: the boxes of detected objects are not stored with their features.
 */
export function gridBoxes(source: FeatureSource): Float32Array | undefined {
  const side = Math.sqrt(source.regions)
  if (source.kind !== 'grid' || source.preprocessing.width !== source.preprocessing.height || !Number.isInteger(side))
    return undefined
  return Float32Array.from(
    Array.from({ length: source.regions }, (_, region) => {
      const [x, y] = [region % side, Math.floor(region / side)]
      return [x / side, y / side, (x + 1) / side, (y + 1) / side]
    }).flat(),
  )
}
