import { escapeHtml } from './html.ts'

/** A region of a picture as SVG wants it, in fractions of the picture's width and height. */
export interface RegionBox {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** The boxes of regions from their edges left, top, right, bottom, `[regions, 4]`. */
export function regionBoxes(edges: Float32Array): RegionBox[] {
  return Array.from({ length: edges.length / 4 }, (_, i) => {
    const [left, top, right, bottom] = edges.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number]
    return { x: left, y: top, width: right - left, height: bottom - top }
  })
}

/**
 * An overlay that darkens an image by attention: a mask with one hole per region, whose opacity is the region's weight
 * divided by the largest. Without weights it is hidden, and the script fills it. `id` is unique in the page.
 */
export function attentionShade(weights: Float32Array | undefined, boxes: readonly RegionBox[], id: string): string {
  const largest = weights ? Math.max(...weights) : 1
  const holes = boxes.map((box, i) => {
    const opacity = weights ? round(weights[i]! / largest) : 1
    return `<rect class="hole" ${edgesOf(box)} opacity="${opacity}"/>`
  })
  const whole = 'width="1" height="1"'
  return (
    `<svg class="shade"${weights ? '' : ' hidden'} viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">` +
    `<mask id="${escapeHtml(id)}"><rect ${whole} fill="#fff"/>${holes.join('')}</mask>` +
    `<rect class="dark" ${whole} mask="url(#${escapeHtml(id)})"/></svg>`
  )
}

/** A rectangle for each region that the pointer can find; small ones are on top of large ones. */
export function regionOutlines(boxes: readonly RegionBox[]): string {
  const rects = [...boxes.entries()]
    .sort(([, a], [, b]) => b.width * b.height - a.width * a.height)
    .map(([i, box]) => `<rect data-region="${i}" ${edgesOf(box)}/>`)
  return `<svg class="regions" viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">${rects.join('')}</svg>`
}

/** Numbers from 1 at the centres of some regions. */
export const regionMarks = (regions: readonly number[], boxes: readonly RegionBox[]): string =>
  regions
    .map((region, i) => {
      const { x, y, width, height } = boxes[region]!
      const [left, top] = [x + width / 2, y + height / 2].map((part) => `${round(100 * part)}%`)
      return `<span class="mark" style="left:${left};top:${top}">${i + 1}</span>`
    })
    .join('')

/** A number with at most four decimals: more would only make pages longer. */
export const round = (x: number): number => Number(x.toFixed(4))

const edgesOf = ({ x, y, width, height }: RegionBox): string =>
  `x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"`
