import { UserError } from '../../errors.ts'
import type { HostValue } from '../../formats/host-value.ts'
import { factors, product, reshape, type Shape, show, type Tensor, topological, transpose } from '../../graph/index.ts'
import { type FailedNode, OnnxImport } from '../../onnx/import.ts'

/** A network from its input to one of its feature maps, with a free batch size B. */
export interface Cut {
  /** the name of the map */
  readonly layer: string
  /** the name of the input, `[B, 3, height, width]` */
  readonly inputName: string
  readonly width: number
  readonly height: number
  /** the number of columns of the map */
  readonly columns: number
  /** `[B, regions, size]`: the cells of the map row by row, channels last */
  readonly regions: Tensor
  /** the weights that `regions` depends on, and perhaps more */
  readonly weights: ReadonlyMap<string, HostValue>
}

/** Where a network is cut, and the size of its images. */
export interface CutOptions {
  /** the map to cut at; by default the one named `features`, else the last one of more than one cell */
  readonly layer?: string
  /** the width of images for a network that accepts any, by default 224 */
  readonly width?: number
  /** the height of images for a network that accepts any, by default 224 */
  readonly height?: number
}

const BATCH = 'B'
/** The name of the cut network's output. */
const RESERVED = 'regions'
const DEFAULT_SIDE = 224
const MAX_SIDE = 4096
/** The most maps that an error lists. */
const MAX_LISTED = 6

/** Operators that read only the shape of their input. */
const SHAPE_READERS = new Set(['Shape', 'Size'])
/** Operators that reduce a map to a vector when no convolution follows. */
const POOLING = new Set([
  'AveragePool',
  'GlobalMaxPool',
  'LpPool',
  'GlobalLpPool',
  'ReduceMax',
  'ReduceSum',
  'ReduceL2',
])
const CONVOLUTIONS = new Set(['Conv', 'ConvTranspose', 'ConvInteger', 'QLinearConv'])

/**
 * Cuts an ONNX network at a feature map `[images, channels, rows, columns]`. Errors call the file `what`, such as
 * `network "a.onnx"`. Throws UserError if the file cannot be read, does not take images, or has no such map, and if
 * the default map may not be the last one because the layers behind it are not supported.
 */
export function cut(bytes: Uint8Array, what: string, options: CutOptions = {}): Cut {
  const fail = (why: string): never => {
    throw new UserError(`Cannot cut ${what}: ${why}`)
  }
  const { network, inputName, input } = withSize(bytes, what, options)
  const [height, width] = input.shape.slice(2) as [number, number]
  if (inputName === RESERVED) fail(`its input is named "${RESERVED}", which is reserved; rename it`)
  const layer = options.layer ?? (network.names.includes('features') ? 'features' : lastMap(network, fail))
  if (!network.names.includes(layer)) fail(`it has no layer "${layer}"; ${listMaps(network)}`)
  const map = mapOf(network, layer)
  if (!isMap(map.shape))
    fail(`layer "${layer}" is ${show(map.shape)}, not [images, channels, rows, columns]; ${listMaps(network)}`)
  const [, channels, rows, columns] = map.shape as number[]
  const regions = transpose(reshape(map, [BATCH, channels!, rows! * columns!]), [0, 2, 1])
  if (!topological([regions]).includes(input.node))
    fail(`layer "${layer}" does not depend on its input "${inputName}"; choose another with --layer`)
  return { layer, inputName, width, height, columns: columns!, regions, weights: network.weights }
}

/** Reads a network with its input size known: the file's own, or the one of `options` if the file leaves it open. */
function withSize(
  bytes: Uint8Array,
  what: string,
  { width = DEFAULT_SIDE, height = DEFAULT_SIDE }: CutOptions,
): { network: OnnxImport; inputName: string; input: Tensor } {
  const asStored = new OnnxImport(bytes, what, { batch: BATCH })
  const [[inputName, input] = ['', undefined], ...others] = asStored.inputs
  if (
    !input ||
    others.length > 0 ||
    input.dtype !== 'float32' ||
    input.shape.length !== 4 ||
    (typeof input.shape[1] === 'number' && input.shape[1] !== 3)
  ) {
    const inputs = [...asStored.inputs].map(
      ([name, { shape, dtype }]) => `"${name}" ${dtype === 'float32' ? '' : `${dtype} `}${show(shape)}`,
    )
    throw new UserError(
      `Cannot cut ${what}: its inputs are ${inputs.join(' and ') || 'none'}; expected one float32 input [images, 3, height, width]`,
    )
  }
  const isOpen = !input.shape.slice(1).every((size) => typeof size === 'number')
  const [rows, columns] = isOpen ? [height, width] : (input.shape.slice(2) as [number, number])
  for (const side of [rows, columns])
    if (!Number.isInteger(side) || side < 1 || side > MAX_SIDE)
      throw new UserError(
        `Cannot cut ${what}: its images are ${columns} x ${rows} pixels; expected 1 to ${MAX_SIDE} each way`,
      )
  if (!isOpen) return { network: asStored, inputName, input }
  const network = new OnnxImport(bytes, what, { batch: BATCH, shapes: { [inputName]: [BATCH, 3, height, width] } })
  return { network, inputName, input: network.inputs.get(inputName)! }
}

const isMap = (shape: Shape): boolean =>
  shape.length === 4 && shape[0] === BATCH && shape.slice(1).every((size) => typeof size === 'number')

/**
 * The last map of more than one cell. Fails if there is none, or if unsupported layers follow that may make more maps.
 */
function lastMap(network: OnnxImport, fail: (why: string) => never): string {
  const [last] = mapsOf(network)
  const unknown = network.failedNodes.find((failed) => mayMakeMaps(network, failed, last))
  const { reason } = unknown ?? network.failedNodes[0] ?? {}
  if (!last)
    return fail(
      `it has no map [images, channels, rows, columns] of several cells${reason ? ` (${reason})` : ''}; ` +
        'use a convolutional network, exported with a fixed image size',
    )
  if (unknown)
    fail(`layers that are not supported follow its last map (${reason}); choose with --layer: ${listMaps(network)}`)
  return last
}

/** Whether a node that was not understood still reads more than one number per channel, so that maps may follow it. */
function mayMakeMaps(network: OnnxImport, { node, inputs }: FailedNode, last: string | undefined): boolean {
  const channels = last === undefined ? 0 : (network.tensor(last).shape[1] as number)
  if (SHAPE_READERS.has(node.opType)) return false
  if (POOLING.has(node.opType) && !network.leadsTo(CONVOLUTIONS, node.output)) return false
  return inputs.some(({ shape }) => {
    const { factor, symbols } = factors(product(shape))
    return symbols.includes(BATCH) && factor > channels
  })
}

/**
 * The names of the maps of more than one cell, last first. Layers that depend on an unsupported operator are skipped.
 */
const mapsOf = (network: OnnxImport): string[] =>
  network.names.reverse().filter((name) => {
    const shape = shapeOf(network, name)
    return shape && isMap(shape) && shape[2] !== 1 && shape[3] !== 1
  })

function shapeOf(network: OnnxImport, name: string): Shape | undefined {
  try {
    return network.tensor(name).shape
  } catch (error) {
    if (error instanceof UserError) return undefined
    throw error
  }
}

/** The tensor of a layer; if that cannot be read, the error lists those that can. */
function mapOf(network: OnnxImport, layer: string): Tensor {
  try {
    return network.tensor(layer)
  } catch (error) {
    throw error instanceof UserError ? new UserError(`${error.message}; ${listMaps(network)}`) : error
  }
}

function listMaps(network: OnnxImport): string {
  const maps = mapsOf(network).map((name) => `"${name}"`)
  const rest = maps.length > MAX_LISTED ? ` and ${maps.length - MAX_LISTED} more` : ''
  return maps.length > 0 ? `its maps are ${maps.slice(0, MAX_LISTED).join(', ')}${rest}` : 'it has no maps'
}
