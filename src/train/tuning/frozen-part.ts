import { CompiledGraph } from '../../engine/compiled.ts'
import { floatData, type Runtime } from '../../engine/session.ts'
import { floats } from '../../formats/host-value.ts'
import { inputName, product, reshape, type Tensor } from '../../graph/index.ts'
import type { Network } from '../../vision/networks/network.ts'
import type { TrainableNetwork } from '../../vision/networks/trainable.ts'
import type { Preprocessing } from '../../vision/preprocessing.ts'

/**
 * The part of a network that stays as it is, from the images to the tensor that training begins at. As a Network it
 * has one region: all numbers of that tensor.
 */
export class FrozenPart implements Network {
  readonly name: string
  readonly sha256: string
  readonly layer: string
  readonly input: Preprocessing
  readonly regions = 1
  readonly columns = 1
  readonly size: number
  readonly #graph: CompiledGraph
  readonly #images: string

  private constructor(network: TrainableNetwork, layer: string, size: number, graph: CompiledGraph) {
    this.name = network.name
    this.sha256 = network.sha256
    this.layer = layer
    this.input = network.input
    this.size = size
    this.#graph = graph
    this.#images = inputName(network.images)!
  }

  /** Compiles the part up to `start`, the tensor called `layer`. */
  static async load(runtime: Runtime, network: TrainableNetwork, layer: string, start: Tensor): Promise<FrozenPart> {
    const size = product(start.shape.slice(1)) as number
    const graph = await CompiledGraph.load(runtime, { start: reshape(start, ['B', size]) }, network.weights)
    return new FrozenPart(network, layer, size, graph)
  }

  async run(images: Float32Array, count: number): Promise<Float32Array> {
    const { width, height } = this.input
    const { start } = await this.#graph.run({ [this.#images]: floats([count, 3, height, width], images) })
    return floatData(start)
  }

  release(): void {
    this.#graph.release()
  }
}
