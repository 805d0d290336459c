/** A rectangle in an image: its edges as fractions of the image's width and height. */
export interface Box {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

const area = ({ left, top, right, bottom }: Box): number => Math.max(0, right - left) * Math.max(0, bottom - top)

/** Intersection over union of two boxes, from 0 to 1; 0 for boxes without area. */
export function iou(a: Box, b: Box): number {
  const intersection = area({
    left: Math.max(a.left, b.left),
    top: Math.max(a.top, b.top),
    right: Math.min(a.right, b.right),
    bottom: Math.min(a.bottom, b.bottom),
  })
  return intersection === 0 ? 0 : intersection / (area(a) + area(b) - intersection)
}

/**
 * Non-maximum suppression: of detections with the same label and an IoU above `maxIou`, keeps the one with the highest
 * score. Returns at most `most` detections, highest score first.
 */
export function suppress<T extends { readonly box: Box; readonly label: number; readonly score: number }>(
  detections: readonly T[],
  maxIou: number,
  most: number,
): T[] {
  const kept: T[] = []
  for (const each of [...detections].sort((a, b) => b.score - a.score)) {
    if (kept.length === most) break
    if (!kept.some(({ box, label }) => label === each.label && iou(box, each.box) > maxIou)) kept.push(each)
  }
  return kept
}
