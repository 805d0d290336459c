import { escapeHtml } from './html.ts'

/** A point of a chart. */
export interface Point {
  readonly x: number
  readonly y: number
}

/** A line of a chart. */
export interface Series {
  readonly name: string
  /** by rising x; points whose y is not finite are left out */
  readonly points: readonly Point[]
  /** drawn thin and pale behind the other lines, without dots: measurements of single steps behind their means */
  readonly behind?: boolean
}

/** What a chart shows besides its lines. */
export interface ChartOptions {
  readonly title: string
  /** what x counts, as in "epoch" */
  readonly unit: string
  /** an x that a vertical line marks, and what it is */
  readonly mark?: { readonly x: number; readonly name: string }
}

const [WIDTH, HEIGHT] = [440, 220]
/** Room for the numbers of the axes, and for half a dot. */
const MARGIN = { left: 50, right: 10, top: 10, bottom: 24 }
const PLOT = { width: WIDTH - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom }
/** Points of a line; more do not show, and make pages longer. */
const MAX_POINTS = 400
/** Lines with more points than that have no dots. */
const MAX_DOTS = 60
/** The lines have as many colours, with different dashes for those who see no colours. */
const STYLES = 6

/**
 * A figure with a line chart: axes with round numbers, a legend if there are several lines, and for each point a title
 * with its values. Without any finite point it says so.
 */
export function chart(series: readonly Series[], { title, unit, mark }: ChartOptions): string {
  const lines = series.map(({ points, ...rest }) => ({ ...rest, points: thinned(points.filter(isFinitePoint)) }))
  const all = lines.flatMap(({ points }) => points)
  const caption = `<figcaption>${escapeHtml(title)}</figcaption>`
  if (all.length === 0) return `<figure class="chart">${caption}<p><small>no values yet</small></p></figure>`
  const [xs, ys] = [rangeOf(all.map(({ x }) => x)), rangeOf(all.map(({ y }) => y))]
  const [xTicks, yTicks] = [ticks(xs, 6).filter(Number.isInteger), ticks(ys, 5)]
  const place = placer(xs, ys)
  const drawn = lines.map((line, i) => ({ html: lineHtml(line, i % STYLES, place, unit), behind: line.behind }))
  const marked = mark ? markHtml(mark, place) : ''
  const ordered = [...drawn.filter(({ behind }) => behind), ...drawn.filter(({ behind }) => !behind)]
  const label = `${title}: ${lines.map((line) => summary(line, unit)).join('; ')}`
  return `<figure class="chart">${caption}
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(label)}">
${yTicks.map((y) => yTick(place({ x: xs[0], y }).y, y, yTicks)).join('')}
${xTicks.map((x) => xTick(place({ x, y: ys[0] }).x, x)).join('')}
${marked}${ordered.map(({ html }) => html).join('\n')}
</svg>${lines.length > 1 ? legend(lines) : ''}</figure>`
}

const isFinitePoint = ({ y }: Point): boolean => Number.isFinite(y)

/** At most MAX_POINTS points: means of as many consecutive ones as necessary. */
export function thinned(points: readonly Point[]): readonly Point[] {
  const size = Math.ceil(points.length / MAX_POINTS)
  if (size <= 1) return points
  return Array.from({ length: Math.ceil(points.length / size) }, (_, i) => {
    const group = points.slice(i * size, (i + 1) * size)
    const mean = (of: (point: Point) => number) => group.reduce((sum, point) => sum + of(point), 0) / group.length
    return { x: mean(({ x }) => x), y: mean(({ y }) => y) }
  })
}

type Range = readonly [low: number, high: number]

/** The smallest and the largest number; widened if they are equal. */
function rangeOf(numbers: readonly number[]): Range {
  const low = numbers.reduce((a, b) => Math.min(a, b))
  const high = numbers.reduce((a, b) => Math.max(a, b))
  const widen = low === high ? Math.abs(low) / 2 || 0.5 : 0
  return [low - widen, high + widen]
}

/** Round numbers within a range, about `wanted` of them: multiples of 1, 2 or 5 times a power of ten. */
export function ticks([low, high]: Range, wanted: number): number[] {
  const rough = (high - low) / wanted
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10)
  const first = Math.ceil(low / step - 1e-9)
  const last = Math.floor(high / step + 1e-9)
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)))
}

type Place = (point: Point) => Point

const placer =
  ([left, right]: Range, [low, high]: Range): Place =>
  ({ x, y }) => ({
    x: MARGIN.left + ((x - left) / (right - left)) * PLOT.width,
    y: MARGIN.top + (1 - (y - low) / (high - low)) * PLOT.height,
  })

const px = (value: number): string => String(Number(value.toFixed(1)))

/** A number of an axis: with as many decimals as its neighbours need, or as a power of ten. */
function tickText(value: number, all: readonly number[]): string {
  const largest = Math.max(...all.map(Math.abs))
  if (largest < 1e-3 || largest >= 1e5) return value === 0 ? '0' : value.toExponential().replace('e+', 'e')
  const decimals = Math.max(...all.map((each) => (String(each).split('.')[1] ?? '').length))
  return value.toFixed(decimals)
}

const yTick = (at: number, value: number, all: readonly number[]): string =>
  `<line class="grid" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${px(at)}" y2="${px(at)}"/>` +
  `<text class="y" x="${MARGIN.left - 6}" y="${px(at)}">${tickText(value, all)}</text>`

const xTick = (at: number, value: number): string =>
  `<text class="x" x="${px(at)}" y="${HEIGHT - MARGIN.bottom + 16}">${value}</text>`

function markHtml({ x, name }: NonNullable<ChartOptions['mark']>, place: Place): string {
  const at = px(place({ x, y: 0 }).x)
  const [top, bottom] = [MARGIN.top, HEIGHT - MARGIN.bottom]
  return `<line class="at" x1="${at}" x2="${at}" y1="${top}" y2="${bottom}"><title>${escapeHtml(name)}</title></line>`
}

function lineHtml({ name, points, behind }: Series, style: number, place: Place, unit: string): string {
  const places = points.map(place)
  const path = places.map(({ x, y }) => `${px(x)},${px(y)}`).join(' ')
  const dots = behind || points.length > MAX_DOTS ? '' : places.map((at, i) => dot(at, points[i]!, name, unit)).join('')
  const line = points.length > 1 ? `<polyline points="${path}"/>` : ''
  return `<g class="series s${style}${behind ? ' behind' : ''}">${line}${dots}</g>`
}

const dot = ({ x, y }: Point, point: Point, name: string, unit: string): string =>
  `<circle cx="${px(x)}" cy="${px(y)}" r="2.5"><title>${escapeHtml(name)} ${valueText(point.y)}, ` +
  `${escapeHtml(unit)} ${valueText(point.x)}</title></circle>`

/** A value with four digits. */
export const valueText = (value: number): string => String(Number(value.toPrecision(4)))

function summary({ name, points }: Series, unit: string): string {
  const [first, last] = [points[0], points.at(-1)]
  if (!first || !last) return `${name} without values`
  return `${name} from ${valueText(first.y)} at ${unit} ${valueText(first.x)} to ${valueText(last.y)} at ${unit} ${valueText(last.x)}`
}

const legend = (lines: readonly Series[]): string =>
  `<p class="legend">${lines
    .map(
      ({ name, behind }, i) =>
        `<span><svg viewBox="0 0 24 8" aria-hidden="true"><g class="series s${i % STYLES}${behind ? ' behind' : ''}">` +
        `<polyline points="0,4 24,4"/></g></svg>${escapeHtml(name)}</span>`,
    )
    .join('')}</p>`

/** The style of charts, for pages with the base style. */
export const CHART_STYLE = `
:root { --s0: #a84d08; --s1: #31619c; --s2: #1c7a3d; --s3: #8c2f86; --s4: #7a6a00; --s5: #5f6270; }
@media (prefers-color-scheme: dark) {
  :root { --s0: #f0a35e; --s1: #7fb2f0; --s2: #6fd08c; --s3: #e39bdc; --s4: #d8c65a; --s5: #a8a9b3; }
}
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem; }
.chart figcaption { font-weight: 600; }
.chart > svg { display: block; width: 100%; height: auto; margin-top: .4rem; }
.chart text { fill: var(--soft); font-size: 11px; }
.chart .y { text-anchor: end; dominant-baseline: central; }
.chart .x { text-anchor: middle; }
.chart .grid { stroke: var(--line); }
.chart .at { stroke: var(--soft); stroke-dasharray: 2 3; }
.series polyline { fill: none; stroke-width: 2; stroke-linejoin: round; }
${['', '7 3', '2 3', '9 3 2 3', '4 2', '12 4']
  .map(
    (dashes, i) =>
      `.s${i} polyline { stroke: var(--s${i});${dashes && ` stroke-dasharray: ${dashes};`} } .s${i} circle { fill: var(--s${i}); }`,
  )
  .join('\n')}
.series.behind { opacity: .6; }
.series.behind polyline { stroke-width: 1; stroke-dasharray: none; }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1rem; margin: .35rem 0 0; font-size: .85rem; }
.legend svg { width: 1.5rem; height: .5rem; margin-right: .4rem; vertical-align: middle; }
`
