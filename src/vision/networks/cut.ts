import { create } from '@bufbuild/protobuf'
import { EngineError, type Runtime } from '../../engine/session.ts'
import { UserError } from '../../errors.ts'
import { floats } from '../../formats/host-value.ts'
import { bottlenecks, dataFrom, missingInputs, outputsOf, sortedNodes } from '../../onnx/dataflow.ts'
import { extract } from '../../onnx/extract.ts'
import { numbersOf, storedValues } from '../../onnx/file.ts'
import { type GraphProto, type ModelProto, type NodeProto, NodeProtoSchema } from '../../onnx/pb.ts'
import { freshName, imagesFor, regionsFrom } from './ends.ts'
import { engineReason, oneLine } from './engine-reason.ts'
import { type ImageInput, imageInput } from './image-input.ts'
import { type FeatureLayer, featureLayer, featureLayers, guessedLayer, type ImageSize } from './layers.ts'
import { CHANNELS_FIRST, CHANNELS_LAST, layoutsFrom, type Shapes } from './layout.ts'

/** A network from its images to a layer of features, as a model of its own. */
export interface Cut {
  /** the ONNX model: images `[B, 3, height, width]` to `regions` `[B, rows * columns, size]`, both float32 */
  readonly model: Uint8Array
  /** the name of the model's input */
  readonly inputName: string
  /** the name of the model's output */
  readonly output: string
  /** the name of the layer in the file */
  readonly layer: string
  /** the number of images of each run, undefined for any */
  readonly batch: number | undefined
  readonly width: number
  readonly height: number
  readonly rows: number
  readonly columns: number
  /** numbers per cell */
  readonly size: number
}

/** Where a network is cut, and the size of its images. */
export interface CutOptions {
  /**
   * the tensor to cut at, a map or tokens; by default `features` or `last_hidden_state`, else an output of the file,
   * else the last one of more than one row and column before the pooling
   */
  readonly layer?: string
  /** the width of images for a network that accepts any, by default 224 or the first usual size that it accepts */
  readonly width?: number
  /** the height of images for a network that accepts any, by default as the width */
  readonly height?: number
  /** the size of images for a network that accepts any where none is asked for, by default the usual ones */
  readonly usual?: { readonly width: number; readonly height: number }
}

/** The sizes that are tried for a network that leaves its size open, the usual one first. */
const USUAL_SIDES = [224, 384, 336, 256, 448, 518, 512]
const MAX_SIDE = 4096
/** The most numbers of a layer for an image: 1 GiB of float32. */
const MAX_ELEMENTS = 2 ** 28
/** The most layers that an error lists. */
const MAX_LISTED = 6
/** Whose operators ONNX Runtime has. */
const KNOWN_DOMAINS = new Set([
  ...['', 'ai.onnx', 'ai.onnx.ml', 'ai.onnx.preview', 'com.microsoft', 'com.microsoft.nchwc'],
  ...['com.ms.internal.nhwc', 'com.microsoft.experimental'],
])
/** Operators whose output is a list of tensors, which has no shape. */
const MAKES_LISTS = /^(Sequence(?!At|Length)|SplitToSequence|Optional|ZipMap)/
/** Operators that give the elements of their first input, in another order, shape or type. */
const MOVES = new Set(['Identity', 'Cast', 'Reshape', 'Flatten', 'Transpose', 'Squeeze', 'Unsqueeze', 'Dropout'])

/**
 * Cuts an ONNX network at a layer of features: a map `[images, channels, rows, columns]`, or the tokens
 * `[images, tokens, size]` of a transformer, of which class tokens and registers are left out. Nodes stay as they are
 * in the file; those behind the layer are dropped. The network is run once, on black images, to see the shapes of its
 * tensors. Errors call the file `what`, such as `network "a.onnx"`. Throws UserError if it does not take images, if
 * ONNX Runtime refuses it, and if it has no such layer.
 */
export async function cut(
  runtime: Runtime,
  model: ModelProto & { graph: GraphProto },
  what: string,
  options: CutOptions = {},
): Promise<Cut> {
  try {
    return await new Network(runtime, model).cut(options)
  } catch (error) {
    throw error instanceof Refusal ? new UserError(`Cannot use ${what}: ${oneLine(error.message)}`) : error
  }
}

/** Why a network cannot be used, without the name of its file. */
class Refusal extends UserError {}

/** Runs `act`; what it says is wrong with the file becomes a Refusal. */
function refusing<T>(act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw error instanceof UserError && !(error instanceof Refusal) ? new Refusal(error.message) : error
  }
}

/** What a network's tensors look like for images of a size. */
interface Seen {
  readonly shapes: Shapes
  readonly images: ImageSize
  readonly layers: readonly FeatureLayer[]
  /** a tensor as a layer, also one of a single cell */
  layer(name: string): FeatureLayer | undefined
}

class Network {
  readonly #runtime: Runtime
  readonly #model: ModelProto & { graph: GraphProto }
  readonly #input: ImageInput
  /** the nodes that need nothing but the images, in order */
  readonly #nodes: readonly NodeProto[]
  /** the tensors that need something else, with the first thing that they lack */
  readonly #missing: ReadonlyMap<string, string>
  /** operators that ONNX Runtime does not have, by what they would compute */
  readonly #foreign = new Map<string, string>()

  constructor(runtime: Runtime, model: ModelProto & { graph: GraphProto }) {
    this.#runtime = runtime
    this.#model = model
    const { graph, functions } = model
    this.#input = refusing(() => imageInput(graph))
    const own = new Set(functions.map(({ domain }) => domain))
    const sorted = refusing(() => sortedNodes(graph)).filter((node) => {
      if (KNOWN_DOMAINS.has(node.domain) || own.has(node.domain)) return true
      for (const name of outputsOf(node)) this.#foreign.set(name, `${node.domain}.${node.opType}`)
      return false
    })
    const stored = [
      ...graph.initializer,
      ...graph.sparseInitializer.map(({ values }) => ({ name: values?.name ?? '' })),
    ]
    this.#missing = missingInputs(sorted, new Set([this.#input.name, ...stored.map(({ name }) => name)]))
    this.#nodes = sorted.filter((node) => !outputsOf(node).some((name) => this.#missing.has(name)))
  }

  async cut({ layer, ...size }: CutOptions): Promise<Cut> {
    const known = layer === undefined || this.#nodes.some((node) => outputsOf(node).includes(layer))
    const upTo = layer === undefined || !known ? this.#nodes : this.#upTo(layer)
    const seen = await this.#look(upTo, this.#sizes(size))
    const found = layer === undefined ? this.#default(seen) : seen.layer(layer)
    if (!found) throw new Refusal(`${this.#whyNot(layer!, seen)}; ${list(seen.layers)}`)
    if (found.rows * found.columns * found.size > MAX_ELEMENTS)
      throw new Refusal(
        `layer "${found.name}" has ${found.rows} x ${found.columns} cells of ${found.size} numbers; choose a smaller one with --layer, or smaller images with --size`,
      )
    return this.#cutAt(found, seen.images)
  }

  #upTo(layer: string): NodeProto[] {
    const needed = new Set(sortedNodes(this.#model.graph, [layer]))
    return this.#nodes.filter((node) => needed.has(node))
  }

  /** The sizes of images to try: the file's own, those asked for, or the usual ones. */
  #sizes({ width, height, usual }: Omit<CutOptions, 'layer'>): ImageSize[] {
    const own = this.#input
    const batch = own.batch ?? 1
    const asked = width !== undefined || height !== undefined
    const open = own.width === undefined || own.height === undefined
    const squares = USUAL_SIDES.map((side) => ({ width: side, height: side }))
    const tried = asked ? [{ width: width ?? height!, height: height ?? width! }] : usual ? [usual] : squares
    const sizes = (open ? tried : tried.slice(0, 1)).map((size) => ({
      batch,
      width: own.width ?? size.width,
      height: own.height ?? size.height,
    }))
    const [first] = sizes as [ImageSize]
    for (const side of [first.width, first.height])
      if (!Number.isInteger(side) || side < 1 || side > MAX_SIDE)
        throw new Refusal(`its images are ${first.width} x ${first.height} pixels; expected 1 to ${MAX_SIDE} each way`)
    if ((width !== undefined && width !== first.width) || (height !== undefined && height !== first.height))
      throw new Refusal(
        `it takes images of ${first.width} x ${first.height} pixels, not ${width ?? '?'} x ${height ?? '?'}; leave out the size`,
      )
    return sizes
  }

  /** Looks at the network with the first size of images that ONNX Runtime can run it on. */
  async #look(nodes: readonly NodeProto[], sizes: readonly ImageSize[]): Promise<Seen> {
    let first: EngineError | undefined
    for (const images of sizes)
      try {
        return this.#see(nodes, images, await this.#shapes(nodes, images))
      } catch (error) {
        if (!(error instanceof EngineError)) throw error
        first ??= error
      }
    const [{ width, height }] = sizes as [ImageSize]
    const open = this.#input.width === undefined || this.#input.height === undefined
    const advice = open
      ? `give ${sizes.length > 1 ? 'the' : 'another'} size of its images with --size, or export it again with a fixed size`
      : 'choose an earlier layer with --layer, or export it again'
    throw new Refusal(
      `ONNX Runtime cannot run it on images of ${width} x ${height}: ${engineReason(first!)}; ${advice}`,
    )
  }

  /** Runs nodes on black images and returns the shapes of all tensors that are computed from these. */
  async #shapes(nodes: readonly NodeProto[], images: ImageSize): Promise<Map<string, number[]>> {
    const data = dataFrom(this.#input.name, nodes)
    const names = nodes.flatMap((node) =>
      MAKES_LISTS.test(node.opType) ? [] : outputsOf(node).filter((name) => data.has(name)),
    )
    if (names.length === 0) return new Map()
    const shapeName = freshName(this.#model.graph, 'shape')
    const readers = names.map((name, i) =>
      create(NodeProtoSchema, { opType: 'Shape', input: [name], output: [`${shapeName}_${i}`] }),
    )
    const front = imagesFor(this.#model, this.#input, images)
    const session = await this.#runtime.load(
      extract(this.#model, {
        nodes: [...front.nodes, ...nodes, ...readers],
        inputs: [front.input],
        outputs: readers.flatMap(({ output }) => output),
      }),
    )
    try {
      const feeds = { [front.input.name]: floats([images.batch, 3, images.height, images.width]) }
      const shapes = await session.run(feeds)
      return new Map(names.map((name, i) => [name, numbersOf(shapes[`${shapeName}_${i}`]!)]))
    } finally {
      session.release()
    }
  }

  #see(nodes: readonly NodeProto[], images: ImageSize, computed: ReadonlyMap<string, number[]>): Seen {
    const { graph } = this.#model
    const stored = storedValues(graph)
    const shapes = new Map([
      ...graph.initializer.map(({ name, dims }) => [name, dims.map(Number)] as const),
      [this.#input.name, imageShape(this.#input, images)],
      ...computed,
    ])
    const data = dataFrom(this.#input.name, nodes)
    const layouts = layoutsFrom(this.#input.name, this.#input.channelsLast ? CHANNELS_LAST : CHANNELS_FIRST, {
      nodes,
      data,
      shapes,
      ints: (name) => intsIn(stored.get(name)),
    })
    const outputs = graph.output.map(({ name }) => name).filter((name) => computed.has(name))
    const ends = outputs.filter((name) => !layouts.has(name))
    const last = nodes.flatMap(outputsOf).findLast((name) => data.has(name))
    const sinks = ends.length > 0 ? ends : outputs.length > 0 ? outputs.slice(-1) : last ? [last] : []
    const moved = nodes.flatMap((node) =>
      MOVES.has(node.opType) ? outputsOf(node).map((name) => [name, node.input[0] ?? ''] as const) : [],
    )
    return {
      shapes,
      images,
      layers: featureLayers(
        {
          names: [...computed.keys()],
          shapes,
          layouts,
          bottlenecks: bottlenecks(nodes, data, sinks),
          outputs,
          movedFrom: new Map(moved),
          projectedFrom: projections(nodes, data),
        },
        images,
      ),
      layer(name) {
        const [layout, shape] = [layouts.get(name), computed.get(name)]
        if (!shape) return undefined
        return layout ? featureLayer(name, layout, shape, images) : guessedLayer(name, shape, images)
      },
    }
  }

  #default({ layers }: Seen): FeatureLayer {
    const [best] = layers
    const [foreign] = this.#foreign.values()
    const [lacking] = this.#missing.values()
    if (foreign !== undefined)
      throw new Refusal(
        `its operator ${foreign} is not one of ONNX Runtime's; choose a layer before it with --layer: ${list(layers)}`,
      )
    if (best) return best
    const why = lacking === undefined ? '' : ` that needs its images alone (others need "${lacking}", too)`
    throw new Refusal(
      `it has no map [images, channels, rows, columns] and no tokens [images, tokens, size]${why}; export its image encoder without pooling`,
    )
  }

  /** Why a tensor cannot be the layer. */
  #whyNot(layer: string, { shapes }: Seen): string {
    const foreign = this.#foreign.get(layer) ?? this.#foreign.get(this.#missing.get(layer) ?? '')
    if (foreign !== undefined) return `layer "${layer}" needs the operator ${foreign}, which ONNX Runtime does not have`
    const lacking = this.#missing.get(layer)
    if (lacking !== undefined) return `layer "${layer}" needs "${lacking}", and not only the images`
    const shape = shapes.get(layer)
    if (!this.#nodes.some((node) => outputsOf(node).includes(layer))) return `it has no layer "${layer}"`
    if (!shape) return `layer "${layer}" does not depend on its input "${this.#input.name}"`
    return `layer "${layer}" is [${shape.join(', ')}], not a map [images, channels, rows, columns] or tokens [images, tokens, size]`
  }

  #cutAt(layer: FeatureLayer, images: ImageSize): Cut {
    const { batch } = this.#input
    const front = imagesFor(this.#model, this.#input, { ...images, batch })
    const back = regionsFrom(this.#model, layer)
    const nodes = [...front.nodes, ...this.#upTo(layer.name), ...back.nodes]
    const outputs = [back.output]
    return {
      model: extract(this.#model, { nodes, inputs: [front.input], outputs, weights: back.weights }),
      inputName: front.input.name,
      output: back.output,
      layer: layer.name,
      batch,
      width: images.width,
      height: images.height,
      rows: layer.rows,
      columns: layer.columns,
      size: layer.size,
    }
  }
}

/** What each linear layer, with its bias or without, reads: x of `x·W` and of `x·W + b`, where W and b are weights. */
function projections(nodes: readonly NodeProto[], data: ReadonlySet<string>): Map<string, string> {
  const found = new Map<string, string>()
  for (const { opType, input, output } of nodes) {
    const read = input.filter((name) => data.has(name))
    const [only, ...others] = read
    if (only === undefined || others.length > 0 || !output[0]) continue
    if (opType === 'MatMul' || opType === 'Gemm') found.set(output[0], only)
    const source = opType === 'Add' ? found.get(only) : undefined
    if (source !== undefined) found.set(output[0], source)
  }
  return found
}

const imageShape = ({ channelsLast }: ImageInput, { batch, height, width }: ImageSize): number[] =>
  channelsLast ? [batch, height, width, 3] : [batch, 3, height, width]

/** A stored list of integers; undefined for anything else, and for a damaged one. */
function intsIn(read: (() => Parameters<typeof numbersOf>[0]) | undefined): number[] | undefined {
  try {
    return read && numbersOf(read())
  } catch (error) {
    if (error instanceof UserError) return undefined
    throw error
  }
}

function list(layers: readonly FeatureLayer[]): string {
  const names = layers.map(({ name }) => `"${name}"`)
  const rest = names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : ''
  return names.length > 0
    ? `its layers are ${names.slice(0, MAX_LISTED).join(', ')}${rest}`
    : 'it has no layers of features'
}
