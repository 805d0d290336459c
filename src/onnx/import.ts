import { UserError } from '../errors.ts'
import type { HostValue } from '../formats/host-value.ts'
import {
  constant,
  type Dim,
  factors,
  input,
  product,
  type Shape,
  ShapeError,
  show,
  type Tensor,
} from '../graph/index.ts'
import { numbersOf, type OnnxFile, readOnnx } from './file.ts'
import { OnnxNode } from './node.ts'
import { RULES } from './operators.ts'
import type { NodeProto } from './pb.ts'

/** The most elements per image of a tensor: 1 GiB of float32. */
const MAX_ELEMENTS = 2 ** 28

/** How the inputs of a file are read. */
export interface ImportOptions {
  /** the first size of each input, instead of the file's: a symbol frees a batch that the file fixes; by default "B" */
  readonly batch?: Dim
  /** shapes of inputs whose sizes the file leaves open; the first size is the batch */
  readonly shapes?: Readonly<Record<string, Shape>>
}

/** A node that cannot be imported. */
export interface FailedNode {
  readonly node: NodeProto
  /** those of its inputs that can be computed */
  readonly inputs: readonly Tensor[]
  /** why it, or a node that it depends on, cannot be imported: `at "y": the operator Erf is not supported` */
  readonly reason: string
}

/**
 * An ONNX file as a graph. Only the nodes that a requested tensor depends on are imported: operators behind them may
 * be unknown. The file's weights become graph inputs under their names in the file.
 */
export class OnnxImport {
  /** the inputs that are fed at run time */
  readonly inputs: ReadonlyMap<string, Tensor>
  /** the weights that the tensors requested so far depend on */
  readonly weights = new Map<string, HostValue>()
  readonly #file: OnnxFile
  readonly #what: string
  readonly #tensors: Map<string, Tensor>
  readonly #fileBatch: number | undefined
  readonly #visited = new Set<NodeProto>()
  readonly #failures = new Map<string, string>()
  readonly #failedNodes: FailedNode[] = []

  /** Errors call the file `what`, such as `network "a.onnx"`. Throws UserError if it is not ONNX. */
  constructor(bytes: Uint8Array, what: string, { batch = 'B', shapes = {} }: ImportOptions = {}) {
    this.#what = what
    this.#file = this.#named(() => readOnnx(bytes))
    const [first] = this.#file.inputs.values()
    this.#fileBatch = typeof first?.shape[0] === 'number' ? first.shape[0] : undefined
    const shapeOf = (name: string, shape: Shape): Shape => {
      const sizes = Object.hasOwn(shapes, name) ? shapes[name]! : shape
      return sizes.length > 0 ? sizes.with(0, batch) : sizes
    }
    this.#tensors = new Map(
      [...this.#file.inputs].map(([name, { shape, dtype }]) => [name, input(name, shapeOf(name, shape), dtype)]),
    )
    this.inputs = new Map(this.#tensors)
  }

  /** The names of the tensors that the nodes compute, in the order of the file. */
  get names(): string[] {
    const computed = this.#file.graph.node.filter(({ opType }) => opType !== 'Constant')
    return computed.flatMap(({ output }) => output.filter((name) => name !== ''))
  }

  /**
   * The weights that are statistics of training images and not parameters: the means and variances of batch
   * normalisation, which stay as they are when a network is trained in inference mode.
   */
  get statistics(): ReadonlySet<string> {
    const norms = this.#file.graph.node.filter(({ opType }) => opType === 'BatchNormalization')
    return new Set(norms.flatMap(({ input }) => input.slice(3, 5)))
  }

  /** The nodes, among those that the tensors requested so far depend on, that cannot be imported. */
  get failedNodes(): readonly FailedNode[] {
    return this.#failedNodes
  }

  /** A tensor of the file. Throws UserError if the file has no such tensor, or it depends on an unsupported node. */
  tensor(name: string): Tensor {
    if (!this.#file.producers.has(name) && !this.inputs.has(name)) throw this.#error(`it has no tensor "${name}"`)
    this.#visit(name)
    const failure = this.#failures.get(name)
    if (failure !== undefined) throw this.#error(failure)
    return this.#value(name)
  }

  /** Whether one of the operators is applied to a tensor of `names`, or to anything computed from them. */
  leadsTo(operators: ReadonlySet<string>, names: readonly string[]): boolean {
    const consumers = new Map<string, NodeProto[]>()
    for (const node of this.#file.graph.node)
      for (const name of node.input) {
        const list = consumers.get(name)
        if (list) list.push(node)
        else consumers.set(name, [node])
      }
    const reached = new Set(names)
    for (const name of reached) // also those added meanwhile
      for (const { opType, output } of consumers.get(name) ?? []) {
        if (operators.has(opType)) return true
        for (const made of output) if (made !== '') reached.add(made)
      }
    return false
  }

  /** Imports the nodes that a tensor depends on, inputs first. Iterative: networks are deep. */
  #visit(name: string): void {
    const { producers } = this.#file
    const open = new Set<NodeProto>()
    const stack = [name]
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const node = this.inputs.has(top) ? undefined : producers.get(top)
      if (!node || this.#visited.has(node)) stack.pop()
      else if (open.has(node)) {
        stack.pop()
        open.delete(node)
        this.#import(node)
      } else {
        open.add(node)
        for (const each of node.input) {
          const producer = this.inputs.has(each) ? undefined : producers.get(each)
          if (producer && open.has(producer)) this.#failures.set(each, `"${each}" depends on itself`)
          else stack.push(each)
        }
      }
    }
  }

  #import(node: NodeProto): void {
    this.#visited.add(node)
    const [first, ...others] = node.output
    const given = node.input.filter((name) => name !== '')
    let reason = given.map((name) => this.#failures.get(name)).find((each) => each !== undefined)
    try {
      if (reason === undefined)
        this.#tensors.set(first!, node.opType === 'Constant' ? this.#constant(first!) : this.#applyRule(node))
    } catch (error) {
      if (!(error instanceof UserError || error instanceof ShapeError)) throw error
      reason = `at "${node.output.find((name) => name !== '')}": ${error.message}`
    }
    if (reason !== undefined) {
      for (const name of node.output) this.#failures.set(name, reason)
      this.#failedNodes.push({ node, inputs: given.flatMap((name) => this.#tensors.get(name) ?? []), reason })
    } else
      for (const name of others)
        this.#failures.set(name, `"${name}": only the first output of the operator ${node.opType} is supported`)
  }

  #applyRule(node: NodeProto): Tensor {
    const { opType, domain } = node
    const rule = domain === '' || domain === 'ai.onnx' ? RULES.get(opType) : undefined
    if (!rule) throw new UserError(`the operator ${domain ? `${domain}.` : ''}${opType} is not supported`)
    const inputs = { tensor: (name: string) => this.#value(name), stored: this.#file.stored }
    const tensor = rule(new OnnxNode(node, this.#file.opset, this.#fileBatch, inputs))
    const { factor } = factors(product(tensor.shape))
    if (factor === 0 || factor > MAX_ELEMENTS)
      throw new UserError(
        `the operator ${opType} makes ${show(tensor.shape)}, ${factor} elements; from 1 to ${MAX_ELEMENTS} are supported`,
      )
    return tensor
  }

  #constant(name: string): Tensor {
    if (!this.#file.stored(name)) throw new UserError('the operator Constant without numbers is not supported')
    return this.#value(name)
  }

  /** A tensor computed before or a stored one: single numbers become constants, all others graph inputs. */
  #value(name: string): Tensor {
    const known = this.#tensors.get(name)
    if (known) return known
    const stored = this.#file.stored(name)
    if (!stored) throw new UserError(`nothing computes "${name}"`)
    const { dtype, shape } = stored
    const single = stored.data.length === 1
    const tensor = single ? constant(numbersOf(stored), dtype, shape) : input(name, shape, dtype)
    if (!single) this.weights.set(name, stored)
    this.#tensors.set(name, tensor)
    return tensor
  }

  /** Runs `read`; a UserError gets the name of the file. */
  #named<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      throw error instanceof UserError ? this.#error(error.message) : error
    }
  }

  #error(why: string): UserError {
    return new UserError(`Cannot read ${this.#what}: ${why}`)
  }
}
