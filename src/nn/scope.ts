import { input, type Shape, type Tensor } from '../graph/index.ts'
import type { Init } from './init.ts'

/** A trainable parameter: an input of the graph, under the name that it has in the weights file and in ONNX. */
export interface Parameter {
  /** the full name, such as `encoder.image.weight` */
  readonly name: string
  /** the graph input, float32 */
  readonly tensor: Tensor
  readonly shape: readonly number[]
  /** draws the initial values */
  readonly init: Init
}

/**
 * A prefix for the names of parameters, like `prefix` in a PyTorch `state_dict`: a layer in the scope `encoder.image`
 * registers `encoder.image.weight`.
 */
export class Scope {
  readonly #path: string
  readonly #all: Map<string, Parameter>

  constructor(path = '', all: Map<string, Parameter> = new Map()) {
    this.#path = path
    this.#all = all
  }

  /** All parameters registered so far in this model, by full name, in the order of registration. */
  get parameters(): ReadonlyMap<string, Parameter> {
    return this.#all
  }

  /** The scope of a submodule. */
  at(name: string): Scope {
    return new Scope(`${this.#path}${name}.`, this.#all)
  }

  /** Registers a parameter and returns its graph input. Throws Error if the full name is taken. */
  parameter(name: string, shape: readonly number[], init: Init): Tensor {
    const full = this.#path + name
    if (this.#all.has(full)) throw new Error(`Internal: parameter ${full} is registered twice`)
    const tensor = input(full, shape as Shape)
    this.#all.set(full, { name: full, tensor, shape, init })
    return tensor
  }
}
