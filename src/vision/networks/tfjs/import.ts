import { UserError } from '../../../errors.ts'
import type { HostValue } from '../../../formats/host-value.ts'
import { input, ShapeError, type Tensor } from '../../../graph/index.ts'
import type { TfjsModel, TfjsNodeDef } from './model-file.ts'
import { TfjsNode } from './node.ts'
import { rules } from './operators.ts'
import { readTfjsWeights } from './weights.ts'

export interface TfjsImportOptions {
  /** how errors name the model and its weights, as in `network "model.json"` */
  readonly what: string
  readonly weightsWhat: string
  /** the sizes of the pictures, which replace those of the file */
  readonly width: number
  readonly height: number
}

/**
 * A TensorFlow.js graph model as graph, with a free batch size B. Tensors are made when they are asked for, with what they need and no more: an
 * operator beyond them need not be known. Its pictures are [B, C, H, W] here, as are all tensors of four axes; its weights become graph inputs.
 */
export class TfjsImport {
  /** the values of the weights that the tensors asked for until now need */
  readonly weights = new Map<string, HostValue>()
  readonly #what: string
  readonly #nodes: ReadonlyMap<string, TfjsNodeDef>
  readonly #stored: ReadonlyMap<string, HostValue>
  readonly #tensors = new Map<string, Tensor>()
  readonly #underWay = new Set<string>()
  readonly #size: readonly [height: number, width: number]

  /** Throws UserError if the weights are not those that the model lists. */
  constructor(model: TfjsModel, weights: Uint8Array, { what, weightsWhat, width, height }: TfjsImportOptions) {
    this.#what = what
    this.#nodes = new Map(model.modelTopology.node.map((node) => [node.name, node]))
    this.#stored = readTfjsWeights(model, weights, weightsWhat)
    this.#size = [height, width]
  }

  /** Throws UserError if the model has no node of that name, or if it takes an operator that is not supported. */
  tensor(name: string): Tensor {
    const known = this.#tensors.get(name)
    if (known) return known
    const node = this.#nodes.get(name)
    if (!node) return this.#fail(`it has no node "${name}"`)
    if (this.#underWay.has(name)) this.#fail(`its node "${name}" needs itself`)
    this.#underWay.add(name)
    try {
      const tensor = node.op === 'Placeholder' ? this.#pictures(node) : this.#compute(node)
      this.#tensors.set(name, tensor)
      return tensor
    } finally {
      this.#underWay.delete(name)
    }
  }

  #pictures({ name, attr }: TfjsNodeDef): Tensor {
    const dims = attr?.shape?.shape?.dim?.map(({ size }) => Number(size)) ?? []
    if (dims.length !== 4)
      this.#fail(`its input "${name}" is [${dims.join(', ')}]; pictures [N, height, width, channels] are wanted`)
    return input(name, ['B', dims[3]!, ...this.#size])
  }

  #compute(node: TfjsNodeDef): Tensor {
    const rule = rules[node.op]
    if (!rule) return this.#fail(`at "${node.name}": the operator ${node.op} is not supported`)
    const values = {
      tensor: (name: string) => this.tensor(name),
      stored: (name: string) => this.#stored.get(name),
      keep: (name: string, value: HostValue) => void this.weights.set(name, value),
    }
    try {
      return rule(new TfjsNode(node, values))
    } catch (error) {
      if (error instanceof ReadError || !(error instanceof UserError || error instanceof ShapeError)) throw error
      return this.#fail(`at "${node.name}": ${error.message}`)
    }
  }

  #fail(why: string): never {
    throw new ReadError(`Cannot read ${this.#what}: ${why}`)
  }
}

/** An error that says already where it is: the nodes that need the faulty one pass it on. */
class ReadError extends UserError {}
