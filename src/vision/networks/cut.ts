import { UserError } from '../../errors.ts'
import type { HostValue } from '../../formats/host-value.ts'
import { reshape, type Shape, show, type Tensor, transpose } from '../../graph/index.ts'
import { OnnxImport } from '../../onnx/import.ts'

/** A network up to a map of features, with a free batch size B. */
export interface Cut {
  readonly layer: string
  /** the name and size of its input, [B, 3, height, width] */
  readonly inputName: string
  readonly width: number
  readonly height: number
  /** cells of a row of the map */
  readonly columns: number
  /** [B, regions, size]: the map's cells row by row, its channels last */
  readonly regions: Tensor
  readonly weights: ReadonlyMap<string, HostValue>
}

export interface CutOptions {
  /** by default a tensor named `features`, or else the last map of more than one cell */
  readonly layer?: string
  /** the pictures' size for a network that takes any, by default 224 x 224 */
  readonly width?: number
  readonly height?: number
}

const batch = 'B'

/** Cuts a network at a layer; `what` names it in errors. Throws UserError if it takes no pictures or the layer is no map. */
export function cut(bytes: Uint8Array, what: string, options: CutOptions = {}): Cut {
  const fail = (why: string): never => {
    throw new UserError(`Cannot cut ${what}: ${why}`)
  }
  const { network, inputName, input } = withSize(bytes, what, options)
  const layer = options.layer ?? (network.names.includes('features') ? 'features' : lastMap(network))
  if (layer === undefined) return fail('it has no layer of the form [pictures, channels, rows, columns]')
  const map = network.names.includes(layer)
    ? network.tensor(layer)
    : fail(`it has no layer "${layer}"; it has ${someMaps(network)}`)
  if (!isMap(map.shape))
    fail(
      `layer "${layer}" is ${show(map.shape)} and not a map [pictures, channels, rows, columns]; maps are ${someMaps(network)}`,
    )
  const [, channels, rows, columns] = map.shape as number[]
  const regions = transpose(reshape(map, [batch, channels!, rows! * columns!]), [0, 2, 1])
  const [height, width] = input.shape.slice(2) as [number, number]
  return { layer, inputName, width, height, columns: columns!, regions, weights: network.weights }
}

/** The network with its input's size known: the file's own or, where it leaves that open, the one asked for. */
function withSize(bytes: Uint8Array, what: string, { width = 224, height = 224 }: CutOptions) {
  const asStored = new OnnxImport(bytes, what, { batch })
  const [[inputName, input] = ['', undefined], ...others] = asStored.inputs
  if (
    !input ||
    others.length > 0 ||
    input.dtype !== 'float32' ||
    input.shape.length !== 4 ||
    (typeof input.shape[1] === 'number' && input.shape[1] !== 3)
  ) {
    const inputs = [...asStored.inputs].map(([name, { shape }]) => `"${name}" ${show(shape)}`)
    throw new UserError(
      `Cannot cut ${what}: it takes ${inputs.join(' and ') || 'nothing'}; one picture [pictures, 3, height, width] is wanted`,
    )
  }
  if (input.shape.slice(1).every((size) => typeof size === 'number')) return { network: asStored, inputName, input }
  const network = new OnnxImport(bytes, what, { batch, shapes: { [inputName]: [batch, 3, height, width] } })
  return { network, inputName, input: network.inputs.get(inputName)! }
}

const isMap = (shape: Shape): boolean => shape.length === 4 && shape[0] === batch

/** The last map of more than one cell. Layers behind an operator that is not known are passed over. */
const lastMap = (network: OnnxImport): string | undefined => maps(network).next().value

function* maps(network: OnnxImport): Generator<string, undefined> {
  for (const name of network.names.reverse()) {
    const shape = shapeOf(network, name)
    if (shape && isMap(shape) && shape[2] !== 1 && shape[3] !== 1) yield name
  }
}

function shapeOf(network: OnnxImport, name: string): Shape | undefined {
  try {
    return network.tensor(name).shape
  } catch (error) {
    if (error instanceof UserError) return undefined
    throw error
  }
}

const someMaps = (network: OnnxImport): string => {
  const names = [...maps(network)]
  return `${names
    .slice(0, 6)
    .map((name) => `"${name}"`)
    .join(', ')}${names.length > 6 ? ` and ${names.length - 6} more` : ''}`
}
