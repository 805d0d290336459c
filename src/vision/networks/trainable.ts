import type { Engine } from '../../engine/engine.ts'
import { UserError } from '../../errors.ts'
import type { HostValue } from '../../formats/host-value.ts'
import { inputName, type Tensor, topological } from '../../graph/index.ts'
import { OnnxImport } from '../../onnx/import.ts'
import { type Preprocessing, RGB255 } from '../preprocessing.ts'
import { BUILTIN } from './builtin.ts'
import { SIDE, SIZE } from './centernet/grid.ts'
import { CENTERNET, centernetFiles, importCenternet } from './centernet/model.ts'
import { FEATURES, LAYER } from './centernet/network.ts'
import { cutOnnxNetwork, type OnnxNetworkOptions } from './onnx-network.ts'
import type { TfjsImport } from './tfjs/import.ts'

/** A pretrained network as a graph that can be differentiated, from its images to a layer of features. */
export interface TrainableNetwork {
  /** the absolute path of its file, or `centernet` */
  readonly name: string
  /** the SHA-256 of the file, in hexadecimal */
  readonly sha256: string
  /** the layer; several names are joined by + */
  readonly layer: string
  readonly input: Preprocessing
  /** the graph input, `[B, 3, height, width]` */
  readonly images: Tensor
  /** the layer's cells, `[B, rows * columns, size]` */
  readonly regions: Tensor
  readonly rows: number
  readonly columns: number
  /** the values of the graph inputs that are not fed: weights, statistics, tables */
  readonly weights: ReadonlyMap<string, HostValue>
  /** the names of the weights that training may change */
  readonly trainable: ReadonlySet<string>
  /** A tensor by its name in the file. Throws UserError if there is none, or the layer does not depend on it. */
  tensor(name: string): Tensor
}

/**
 * Opens the network of an ONNX file, or MobileNetV3-CenterNet if `file` is `centernet`, for training. Batch
 * normalisation is in inference mode: its means and variances stay. Throws UserError for the built-in network, and if
 * the file cannot be read, has no such layer, or has an operator before it that has no gradient here.
 */
export async function openTrainable(
  engine: Engine,
  file: string,
  options?: OnnxNetworkOptions,
): Promise<TrainableNetwork> {
  if (file === BUILTIN)
    throw new UserError(
      `Cannot train network "${BUILTIN}": its weights have 8 bits; train the one that it was made from, "${CENTERNET}"`,
    )
  return file === CENTERNET ? openCenternet(engine) : openOnnx(engine, file, options)
}

async function openOnnx(engine: Engine, path: string, options?: OnnxNetworkOptions): Promise<TrainableNetwork> {
  const { what, cut, sha256, normalisation } = await cutOnnxNetwork(engine, path, options)
  const network = new OnnxImport(cut.model, what)
  const regions = network.tensor(cut.output)
  return {
    name: engine.assets.resolve(path),
    sha256,
    layer: cut.layer,
    input: { width: cut.width, height: cut.height, ...normalisation },
    images: network.inputs.get(cut.inputName)!,
    regions,
    rows: cut.rows,
    columns: cut.columns,
    weights: network.weights,
    trainable: floatsOf(network.weights, network.statistics),
    tensor: (name) => within(regions, network.tensor(name), { name, what }),
  }
}

async function openCenternet(engine: Engine): Promise<TrainableNetwork> {
  const { json, weights, digest } = await centernetFiles(engine)
  return trainableCenternet(importCenternet(SIZE, json, weights), digest)
}

/** MobileNetV3-CenterNet for training, from its graph at SIZE and the SHA-256 of its files. */
export function trainableCenternet(network: TfjsImport, sha256: string): TrainableNetwork {
  const tables = new Map<string, HostValue>()
  const { regions } = FEATURES.outputs((name) => network.tensor(name), tables)
  return {
    name: CENTERNET,
    sha256,
    layer: LAYER,
    input: { width: SIZE, height: SIZE, ...RGB255 },
    images: topological([regions!]).find(
      ({ op, outputs: [tensor] }) => op.name === 'input' && tensor!.shape.length === 4 && tensor!.shape[0] === 'B',
    )!.outputs[0]!,
    regions: regions!,
    rows: SIDE,
    columns: SIDE,
    weights: new Map([...network.weights, ...tables]),
    trainable: floatsOf(network.weights),
    tensor: (name) => within(regions!, network.tensor(name), { name, what: 'network "centernet"' }),
  }
}

const floatsOf = (weights: ReadonlyMap<string, HostValue>, except: ReadonlySet<string> = new Set()): Set<string> =>
  new Set([...weights].flatMap(([name, { dtype }]) => (dtype === 'float32' && !except.has(name) ? [name] : [])))

/** Returns `tensor`. Throws UserError if `regions` does not depend on it, or it is one of the weights. */
function within(regions: Tensor, tensor: Tensor, { name, what }: { name: string; what: string }): Tensor {
  if (inputName(tensor) === undefined && topological([regions]).some(({ outputs }) => outputs.includes(tensor)))
    return tensor
  throw new UserError(`Cannot freeze ${what} up to "${name}": its layer of features does not depend on that tensor`)
}
