import { UserError } from '../../../errors.ts'
import type { HostValue } from '../../../formats/host-value.ts'
import { input, ShapeError, type Tensor } from '../../../graph/index.ts'
import type { TfjsModel, TfjsNodeDef } from './model-file.ts'
import { TfjsNode } from './node.ts'
import { RULES } from './operators.ts'
import { readTfjsWeights } from './weights.ts'

/** The names and the image size of an import. */
export interface TfjsImportOptions {
  /** what errors call the model, such as `network "model.json"` */
  readonly what: string
  /** what errors call its weights, such as `weights "model.bin"` */
  readonly weightsWhat: string
  /** the width of the images, instead of that in the file */
  readonly width: number
  /** the height of the images, instead of that in the file */
  readonly height: number
}

/**
 * A TensorFlow.js graph model as a graph, with a free batch size B. Only the nodes that a requested tensor depends on
 * are imported: other operators may be unknown. Images are `[B, C, H, W]`, as are all tensors of four axes; in the file
 * they are `[B, H, W, C]`. The model's weights become graph inputs.
 */
export class TfjsImport {
  /** the weights that the tensors requested so far depend on */
  readonly weights = new Map<string, HostValue>()
  readonly #what: string
  readonly #nodes: ReadonlyMap<string, TfjsNodeDef>
  readonly #stored: ReadonlyMap<string, HostValue>
  readonly #tensors = new Map<string, Tensor>()
  readonly #inProgress = new Set<string>()
  readonly #size: readonly [height: number, width: number]

  /** `weights` are the bytes of the model's weight files, in order. Throws UserError if the model lists others. */
  constructor(model: TfjsModel, weights: Uint8Array, { what, weightsWhat, width, height }: TfjsImportOptions) {
    this.#what = what
    this.#nodes = new Map(model.modelTopology.node.map((node) => [node.name, node]))
    this.#stored = readTfjsWeights(model, weights, weightsWhat)
    this.#size = [height, width]
  }

  /**
   * The output of a node. Throws UserError if there is none of that name, or if it depends on an unsupported operator.
   */
  tensor(name: string): Tensor {
    const known = this.#tensors.get(name)
    if (known) return known
    const node = this.#nodes.get(name)
    if (!node) return this.#fail(`it has no node "${name}"`)
    if (this.#inProgress.has(name)) this.#fail(`its node "${name}" depends on itself`)
    this.#inProgress.add(name)
    try {
      const tensor = this.#compute(node)
      this.#tensors.set(name, tensor)
      return tensor
    } catch (error) {
      if (error instanceof ReadError || !(error instanceof UserError || error instanceof ShapeError)) throw error
      return this.#fail(`at "${node.name}": ${error.message}`)
    } finally {
      this.#inProgress.delete(name)
    }
  }

  #compute(node: TfjsNodeDef): Tensor {
    if (node.op === 'Placeholder') return this.#images(node)
    const rule = RULES.get(node.op)
    if (!rule) throw new UserError(`the operator ${node.op} is not supported`)
    return rule(
      new TfjsNode(node, {
        tensor: (name) => this.tensor(name),
        stored: (name) => this.#stored.get(name),
        keep: (name, value) => void this.weights.set(name, value),
        stretch: this.#stretch(),
      }),
    )
  }

  #images({ name, attr }: TfjsNodeDef): Tensor {
    const dims = attr?.shape?.shape?.dim?.map(({ size }) => Number(size)) ?? []
    if (dims.length !== 4)
      throw new UserError(`the input has the shape [${dims.join(', ')}]; expected [images, height, width, channels]`)
    return input(name, ['B', dims[3]!, ...this.#size])
  }

  /** How much larger the images are than in the file, down and across; 1 if the file leaves their size open. */
  #stretch(): [down: number, across: number] {
    const images = [...this.#nodes.values()].find(({ op }) => op === 'Placeholder')
    const [, height, width] = images?.attr?.shape?.shape?.dim?.map(({ size }) => Number(size)) ?? []
    const ratio = (wanted: number, stored = 0): number => (stored > 0 ? wanted / stored : 1)
    return [ratio(this.#size[0], height), ratio(this.#size[1], width)]
  }

  #fail(why: string): never {
    throw new ReadError(`Cannot read ${this.#what}: ${why}`)
  }
}

/** A UserError that already names the file and the node: the nodes that depend on it pass it on unchanged. */
class ReadError extends UserError {}
