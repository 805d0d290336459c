import type { Shape } from '../graph/shape.ts'
import { input, type Tensor } from '../graph/tensor.ts'
import type { Init } from './init.ts'

/** A weight: its leaf in the graph, whose name is its name in the weights file and in ONNX, and how it starts. */
export interface Parameter {
  readonly name: string
  readonly tensor: Tensor
  readonly shape: readonly number[]
  readonly init: Init
}

/** Where a layer's parameters are named: `encoder.image` gives `encoder.image.weight`. */
export class Scope {
  readonly #path: string
  readonly #all: Map<string, Parameter>

  constructor(path = '', all: Map<string, Parameter> = new Map()) {
    this.#path = path
    this.#all = all
  }

  /** All parameters named so far, by their names. */
  get parameters(): ReadonlyMap<string, Parameter> {
    return this.#all
  }

  /** The scope of a part. */
  at(name: string): Scope {
    return new Scope(`${this.#path}${name}.`, this.#all)
  }

  /** A new parameter. */
  parameter(name: string, shape: readonly number[], init: Init): Tensor {
    const full = this.#path + name
    if (this.#all.has(full)) throw new Error(`Internal: parameter ${full} is named twice`)
    const tensor = input(full, shape as Shape)
    this.#all.set(full, { name: full, tensor, shape, init })
    return tensor
  }
}
