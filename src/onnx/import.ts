import { UserError } from '../errors.ts'
import type { HostValue } from '../formats/host-value.ts'
import { type Dim, type Shape, ShapeError } from '../graph/shape.ts'
import { constant, input, type Tensor } from '../graph/tensor.ts'
import { type OnnxFile, readOnnx } from './file.ts'
import { OnnxNode } from './node.ts'
import { rules } from './operators.ts'
import type { NodeProto } from './pb.ts'

export interface ImportOptions {
  /** the size that takes the place of the first one of the file's inputs: a symbol frees a batch that the file fixes */
  readonly batch?: Dim
  /** shapes for inputs whose sizes the file leaves open; the first size is the batch */
  readonly shapes?: Readonly<Record<string, Shape>>
}

/**
 * An ONNX file as graph. Tensors are made when they are asked for, with what they need and no more: an operator beyond the cut need not be known.
 * The file's weights become graph inputs under their names in the file.
 */
export class OnnxImport {
  /** what must be given when the model runs */
  readonly inputs: ReadonlyMap<string, Tensor>
  /** the values of the weights that the tensors asked for until now need */
  readonly weights = new Map<string, HostValue>()
  readonly #file: OnnxFile
  readonly #what: string
  readonly #tensors: Map<string, Tensor>
  readonly #fileBatch: number | undefined

  /** `what` names the file in errors, as in `network "a.onnx"`. Throws UserError if it is no ONNX file. */
  constructor(bytes: Uint8Array, what: string, { batch = 'B', shapes = {} }: ImportOptions = {}) {
    this.#file = readOnnx(bytes, what)
    this.#what = what
    const [first] = this.#file.inputs.values()
    this.#fileBatch = typeof first?.[0] === 'number' ? first[0] : undefined
    const shapeOf = (name: string, shape: Shape): Shape => {
      const sizes = shapes[name] ?? shape
      return sizes.length > 0 ? sizes.with(0, batch) : sizes
    }
    this.#tensors = new Map([...this.#file.inputs].map(([name, shape]) => [name, input(name, shapeOf(name, shape))]))
    this.inputs = new Map(this.#tensors)
  }

  /** The names of what the nodes make, in the order of the file, which is one in which they can be computed. */
  get names(): string[] {
    return this.#file.graph.node.flatMap(({ output }) => output.filter((name) => name !== ''))
  }

  /** Throws UserError if the file has no tensor of that name, or if it takes an operator that is not supported. */
  tensor(name: string): Tensor {
    const { producers, graph } = this.#file
    if (!producers.has(name) && !this.inputs.has(name)) this.#fail(`it has no tensor "${name}"`)
    const needed = this.#needed(name)
    for (const node of graph.node) if (needed.has(node)) this.#compute(node)
    return this.#tensors.get(name)!
  }

  /** The nodes that a tensor needs and that are not computed yet. */
  #needed(name: string): Set<NodeProto> {
    const needed = new Set<NodeProto>()
    const wanted = [name]
    for (let next = wanted.pop(); next !== undefined; next = wanted.pop()) {
      const node = this.#tensors.has(next) ? undefined : this.#file.producers.get(next)
      if (!node || needed.has(node)) continue
      needed.add(node)
      wanted.push(...node.input)
    }
    return needed
  }

  #compute(node: NodeProto): void {
    const rule = node.domain === '' || node.domain === 'ai.onnx' ? rules[node.opType] : undefined
    const [output] = node.output
    if (node.opType === 'Constant') return
    try {
      if (!rule)
        throw new UserError(`the operator ${node.domain ? `${node.domain}.` : ''}${node.opType} is not supported`)
      const values = { tensor: (name: string) => this.#value(name), stored: this.#file.stored }
      this.#tensors.set(output!, rule(new OnnxNode(node, this.#file.opset, this.#fileBatch, values)))
    } catch (error) {
      if (error instanceof UserError || error instanceof ShapeError) this.#fail(`at "${output}": ${error.message}`)
      throw error
    }
  }

  /** A tensor computed before, or a stored one: single numbers stand in the graph, all others are inputs of it. */
  #value(name: string): Tensor {
    const known = this.#tensors.get(name)
    if (known) return known
    const stored = this.#file.stored(name)
    if (!stored) throw new UserError(`nothing gives its input "${name}"`)
    const { dtype, shape, data } = stored
    const single = data.length === 1
    const tensor = single ? constant([Number(data[0])], dtype, shape) : input(name, shape, dtype)
    if (!single) this.weights.set(name, stored)
    this.#tensors.set(name, tensor)
    return tensor
  }

  #fail(why: string): never {
    throw new UserError(`Cannot read ${this.#what}: ${why}`)
  }
}
