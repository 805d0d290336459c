/** A rectangle in a picture, in parts of its width and height. */
export interface Box {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

const area = ({ left, top, right, bottom }: Box): number => Math.max(0, right - left) * Math.max(0, bottom - top)

/** How much two boxes overlap: their common area in parts of the area of both (intersection over union). */
export function overlap(a: Box, b: Box): number {
  const common = area({
    left: Math.max(a.left, b.left),
    top: Math.max(a.top, b.top),
    right: Math.min(a.right, b.right),
    bottom: Math.min(a.bottom, b.bottom),
  })
  return common === 0 ? 0 : common / (area(a) + area(b) - common)
}

/**
 * Non-maximum suppression: the boxes with the best scores, best first, at most `most`, of which no two of one label overlap more than `limit`.
 */
export function suppress<T extends { readonly box: Box; readonly label: number; readonly score: number }>(
  found: readonly T[],
  limit: number,
  most: number,
): T[] {
  const kept: T[] = []
  for (const each of [...found].sort((a, b) => b.score - a.score)) {
    if (kept.length === most) break
    if (!kept.some(({ box, label }) => label === each.label && overlap(box, each.box) > limit)) kept.push(each)
  }
  return kept
}
