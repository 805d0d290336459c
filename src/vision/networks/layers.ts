import { type Axis, CHANNELS_FIRST, CHANNELS_LAST, type Layout, type Shapes } from './layout.ts'

/** A tensor that holds a feature of each cell of a grid. */
export interface FeatureLayer {
  readonly name: string
  /** what each of its axes counts */
  readonly axes: readonly Axis[]
  readonly rows: number
  readonly columns: number
  /** numbers per cell */
  readonly size: number
  /** tokens that are no cells, before and after those that are */
  readonly before: number
  readonly after: number
}

/** The images that a network was run on. */
export interface ImageSize {
  readonly batch: number
  readonly height: number
  readonly width: number
}

/** The most class tokens and registers of a network whose tokens were not followed from the image. */
const MAX_OTHER_TOKENS = 16
/** Tensors that are taken wherever they are maps or tokens. */
const USUAL_NAMES = ['features', 'last_hidden_state']

/** A tensor with known axes as a layer of features; undefined if it is none. */
export function featureLayer(
  name: string,
  layout: Layout,
  shape: readonly number[],
  images: ImageSize,
): FeatureLayer | undefined {
  const { axes, grid } = layout
  const kinds = [...axes].sort().join()
  const size = (axis: Axis): number => shape[axes.indexOf(axis)]!
  if (size('images') !== images.batch || shape.some((n) => n < 1)) return undefined
  if (kinds === 'channels,columns,images,rows')
    return { name, axes, rows: size('rows'), columns: size('columns'), size: size('channels'), before: 0, after: 0 }
  if (kinds !== 'channels,images,tokens' || !grid) return undefined
  return { ...grid, name, axes, size: size('channels') }
}

/**
 * A tensor as a layer of features by its shape alone: `[images, tokens, size]` whose tokens fill a grid of the image's
 * proportions, or a map of such a grid; undefined if it may be either way or neither.
 */
export function guessedLayer(name: string, shape: readonly number[], images: ImageSize): FeatureLayer | undefined {
  if (shape[0] !== images.batch || shape.some((n) => n < 1)) return undefined
  if (shape.length === 3) {
    for (let before = 0; before <= MAX_OTHER_TOKENS; before++) {
      const grid = gridOf(shape[1]! - before, images)
      if (grid) return { ...grid, name, axes: ['images', 'tokens', 'channels'], size: shape[2]!, before, after: 0 }
    }
    return undefined
  }
  const ways = shape.length === 4 ? [CHANNELS_FIRST, CHANNELS_LAST] : []
  const maps = ways.flatMap((layout) => featureLayer(name, layout, shape, images) ?? [])
  const fitting = maps.filter(({ rows, columns }) => {
    const grid = gridOf(rows * columns, images)
    return grid?.rows === rows && grid.columns === columns
  })
  return fitting.length === 1 ? fitting[0] : undefined
}

/** The grid of that many cells that an image is cut into by square patches. */
function gridOf(cells: number, { height, width }: ImageSize): { rows: number; columns: number } | undefined {
  if (cells < 4) return undefined
  const side = Math.sqrt(cells)
  if (height === width) return Number.isInteger(side) ? { rows: side, columns: side } : undefined
  for (let patch = Math.floor(Math.min(height, width) / 2); patch > 0; patch--) {
    const [rows, columns] = [Math.floor(height / patch), Math.floor(width / patch)]
    if (rows * columns === cells) return { rows, columns }
    if (rows * columns > cells) return undefined
  }
  return undefined
}

/** What is known of a network's tensors. */
export interface Tensors {
  /** the tensors computed from the image, in the order of the nodes */
  readonly names: readonly string[]
  readonly shapes: Shapes
  readonly layouts: ReadonlyMap<string, Layout>
  /** those that everything behind them depends on */
  readonly bottlenecks: readonly string[]
  /** the outputs of the file */
  readonly outputs: readonly string[]
  /** what each tensor that is another one moved, reshaped or converted is made of */
  readonly movedFrom: ReadonlyMap<string, string>
  /** what each tensor that is a linear layer of another one is computed from */
  readonly projectedFrom: ReadonlyMap<string, string>
}

/** The layers of features of more than one row and column, best first: the first one is the default. */
export function featureLayers(tensors: Tensors, images: ImageSize): FeatureLayer[] {
  const { names, shapes, layouts, bottlenecks, outputs, movedFrom, projectedFrom } = tensors
  const followed = names.flatMap((name) => {
    const [layout, shape] = [layouts.get(name), shapes.get(name)]
    return (layout && shape && featureLayer(name, layout, shape, images)) || []
  })
  const guessed = names.flatMap((name) => {
    const shape = layouts.has(name) ? undefined : shapes.get(name)
    const usual = USUAL_NAMES.includes(name) // such as a map that a product of matrices made
    return shape?.length === 3 || (shape && usual) ? (guessedLayer(name, shape, images) ?? []) : []
  })
  const known = [...followed.filter(isGrid), ...guessed.filter(({ name }) => USUAL_NAMES.includes(name))]
  const layers = new Map((known.length > 0 ? known : guessed).map((layer) => [layer.name, layer]))
  const last = [...layers.values()].at(-1)
  if (!last) return []
  const pick = (list: readonly string[]) => list.flatMap((name) => layers.get(name) ?? [])
  const ends = pick(bottlenecks).reverse()
  const named = [...pick(USUAL_NAMES), ...pick(outputs).reverse()][0]
  // behind its last bottleneck a transformer has keys and values of the pooling, but a detector has its maps
  const end = origin(last, layers, [movedFrom])
  const best = named ?? (isMap(end) ? end : origin(ends[0] ?? end, layers, [movedFrom, projectedFrom]))
  return [...new Set([best, ...ends, ...[...layers.values()].reverse()])]
}

/** Whether a layer has more than one row and column: one cell or line of cells does not show where things are. */
const isGrid = ({ rows, columns }: FeatureLayer): boolean => rows > 1 && columns > 1

const isMap = ({ axes }: FeatureLayer): boolean => axes.join() === CHANNELS_FIRST.axes.join()

/** The layer that a layer is made of by operations that `sources` lists. */
function origin(
  layer: FeatureLayer,
  layers: ReadonlyMap<string, FeatureLayer>,
  sources: readonly ReadonlyMap<string, string>[],
): FeatureLayer {
  const [source] = sources.flatMap((each) => layers.get(each.get(layer.name) ?? '') ?? [])
  return source && source.rows * source.columns === layer.rows * layer.columns ? origin(source, layers, sources) : layer
}
