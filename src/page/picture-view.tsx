import { useId } from 'preact/hooks'
import type { RegionBox } from '../pages/attention-map.ts'
import { TEXTS } from './texts.ts'

/** What the picture shows: attention weights of the regions, and the chosen region. */
export interface PictureViewProps {
  readonly url: string
  readonly boxes: readonly RegionBox[]
  readonly weights: Float32Array | undefined
  readonly region: number | undefined
  /** called with a region, or undefined to leave it; none if regions have no concepts */
  readonly onRegion: ((region: number | undefined) => void) | undefined
}

/** The picture, bright where the model attended; regions are chosen by the pointer and the arrow keys. */
export function PictureView({ url, boxes, weights, region, onRegion }: PictureViewProps) {
  const image = <img src={url} alt={TEXTS.picture} />
  const overlay = (
    <>
      {weights && <Shade weights={weights} boxes={boxes} />}
      {region !== undefined && boxes[region] && <Outline box={boxes[region]} />}
    </>
  )
  if (!onRegion)
    return (
      <div class="picture">
        {image}
        {overlay}
      </div>
    )
  const at = (event: PointerEvent & { currentTarget: HTMLElement }): number | undefined => {
    const { left, top, width, height } = event.currentTarget.getBoundingClientRect()
    return smallestAt(boxes, (event.clientX - left) / width, (event.clientY - top) / height)
  }
  return (
    <div
      class="picture choosable"
      role="application"
      aria-label={TEXTS.chooseRegion}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys choose a region
      tabIndex={0}
      onPointerMove={(event) => event.pointerType === 'mouse' && onRegion(at(event))}
      onPointerDown={(event) => onRegion(at(event))}
      onPointerLeave={(event) => event.pointerType === 'mouse' && onRegion(undefined)}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onRegion(undefined)
        const step = STEPS[event.key]
        if (!step) return
        event.preventDefault()
        onRegion(region === undefined ? middle(boxes) : neighbour(boxes, region, step))
      }}
    >
      {image}
      {overlay}
    </div>
  )
}

/** A darkening of the picture, open over each region as far as its weight is near the largest. */
export function Shade({ weights, boxes }: { weights: Float32Array; boxes: readonly RegionBox[] }) {
  const id = useId()
  const largest = Math.max(...weights.subarray(0, boxes.length), Number.MIN_VALUE)
  return (
    <svg class="shade" viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
      <mask id={id}>
        <rect width="1" height="1" fill="#fff" />
        {boxes.map((box, i) => (
          <rect key={i} {...box} fill="#000" opacity={weights[i]! / largest} />
        ))}
      </mask>
      <rect width="1" height="1" class="dark" mask={`url(#${id})`} />
    </svg>
  )
}

const Outline = ({ box }: { box: RegionBox }) => (
  <svg class="outline" viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
    <rect {...box} />
  </svg>
)

const STEPS: Readonly<Record<string, readonly [x: number, y: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
}

const centre = ({ x, y, width, height }: RegionBox): [number, number] => [x + width / 2, y + height / 2]

/** The smallest region at a point: small ones are on top of large ones. */
function smallestAt(boxes: readonly RegionBox[], x: number, y: number): number | undefined {
  const found = [...boxes.entries()].filter(
    ([, box]) => x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height,
  )
  return found.sort(([, a], [, b]) => a.width * a.height - b.width * b.height)[0]?.[0]
}

/** The region nearest to the middle of the picture. */
const middle = (boxes: readonly RegionBox[]): number => nearest(boxes, ([x, y]) => Math.hypot(x - 0.5, y - 0.5))

/** The nearest region in a direction: a step along it counts once, one across it twice. */
function neighbour(boxes: readonly RegionBox[], region: number, [dx, dy]: readonly [number, number]): number {
  const [fromX, fromY] = centre(boxes[region]!)
  const distance = ([x, y]: [number, number]): number => {
    const along = (x - fromX) * dx + (y - fromY) * dy
    const across = Math.abs((x - fromX) * dy) + Math.abs((y - fromY) * dx)
    return along > 1e-6 ? along + 2 * across : Number.POSITIVE_INFINITY
  }
  const found = nearest(boxes, distance)
  return distance(centre(boxes[found]!)) === Number.POSITIVE_INFINITY ? region : found
}

const nearest = (boxes: readonly RegionBox[], distance: (centre: [number, number]) => number): number =>
  boxes.reduce((best, box, i) => (distance(centre(box)) < distance(centre(boxes[best]!)) ? i : best), 0)
