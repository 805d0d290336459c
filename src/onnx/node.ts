import { UserError } from '../errors.ts'
import type { HostValue } from '../formats/host-value.ts'
import { frontAxis, type Shape, type Tensor } from '../graph/index.ts'
import { numbersOf } from './file.ts'
import { type AttributeProto, AttributeProto_AttributeType as AttributeType, type NodeProto } from './pb.ts'

/** Looks up the inputs of nodes by name. */
export interface NodeInputs {
  /** A tensor of the graph, computed or stored. Throws UserError if it is missing. */
  tensor(name: string): Tensor
  /** A value stored in the file, or undefined. */
  stored(name: string): HostValue | undefined
}

/** An ONNX node as an import rule reads it. Every method throws UserError if the file does not have what it returns. */
export class OnnxNode {
  readonly #node: NodeProto
  readonly #attributes: ReadonlyMap<string, AttributeProto>
  readonly #inputs: NodeInputs
  /** the version of the standard operators */
  readonly opset: number
  /** the batch size that the file fixes, undefined if it leaves it open */
  readonly fileBatch: number | undefined

  /** `opset` and `fileBatch` are those of the file, `inputs` looks up the node's inputs. */
  constructor(node: NodeProto, opset: number, fileBatch: number | undefined, inputs: NodeInputs) {
    this.#node = node
    this.#attributes = new Map(node.attribute.map((attribute) => [attribute.name, attribute]))
    this.#inputs = inputs
    this.opset = opset
    this.fileBatch = fileBatch
  }

  /** The number of inputs, optional ones that are left out included. */
  get inputCount(): number {
    return this.#node.input.length
  }

  /** Whether an input is given; optional inputs may be missing or have an empty name. */
  has(index: number): boolean {
    return Boolean(this.#node.input[index])
  }

  /** An input as a float32 tensor, the only type that rules compute with. */
  input(index: number): Tensor {
    const name = this.#name(index)
    const tensor = this.#inputs.tensor(name)
    if (tensor.dtype !== 'float32') this.unsupported(`on "${name}" of type ${tensor.dtype}`)
    return tensor
  }

  /** An input as a float32 tensor, or undefined if it is not given. */
  optional(index: number): Tensor | undefined {
    return this.has(index) ? this.input(index) : undefined
  }

  /** The values of a stored input. */
  numbers(index: number): number[] {
    const name = this.#name(index)
    const value = this.#inputs.stored(name)
    if (!value) return this.unsupported(`with "${name}" computed at run time`)
    return numbersOf(value)
  }

  /** The single value of a stored input. */
  number(index: number): number {
    const numbers = this.numbers(index)
    if (numbers.length !== 1) this.unsupported(`with ${numbers.length} values in "${this.#name(index)}"`)
    return numbers[0]!
  }

  /** An integer attribute. */
  int(name: string, fallback: number): number {
    return Number(this.#attribute(name, AttributeType.INT)?.i ?? fallback)
  }

  /** A float attribute. */
  float(name: string, fallback: number): number {
    return this.#attribute(name, AttributeType.FLOAT)?.f ?? fallback
  }

  /** A list of integers as an attribute. */
  ints(name: string, fallback: readonly number[]): number[] {
    return this.#attribute(name, AttributeType.INTS)?.ints.map(Number) ?? [...fallback]
  }

  /** A list of `count` integers, each at least `min`, as an attribute. */
  sizes(name: string, count: number, min: number, fallback: readonly number[] = []): number[] {
    const sizes = this.ints(name, fallback)
    if (sizes.length !== count || sizes.some((size) => !Number.isSafeInteger(size) || size < min))
      this.unsupported(`with the attribute ${name} [${sizes.join(', ')}]`)
    return sizes
  }

  /** A text attribute. */
  string(name: string, fallback: string): string {
    const attribute = this.#attribute(name, AttributeType.STRING)
    return attribute ? new TextDecoder().decode(attribute.s) : fallback
  }

  /** A list of integers that older operator sets store as an attribute and newer ones as an input, or undefined. */
  listed(name: string, index: number): number[] | undefined {
    if (this.#attributes.has(name)) return this.ints(name, [])
    return this.has(index) ? this.numbers(index) : undefined
  }

  /** Axes of `shape`, counted from the front. */
  axes(axes: readonly number[], shape: Shape): number[] {
    const front = axes.map((axis) => frontAxis(this.#node.opType, axis, shape))
    if (new Set(front).size < axes.length) this.unsupported(`with an axis twice in [${axes.join(', ')}]`)
    return front
  }

  /** Throws UserError: the operator cannot be imported `how` the node uses it. */
  unsupported(how: string): never {
    throw new UserError(`the operator ${this.#node.opType} ${how} is not supported`)
  }

  #name(index: number): string {
    return this.#node.input[index] || this.unsupported(`without its input ${index}`)
  }

  #attribute(name: string, type: AttributeType): AttributeProto | undefined {
    const attribute = this.#attributes.get(name)
    // files of the first versions leave the type out
    if (attribute && attribute.type !== type && attribute.type !== AttributeType.UNDEFINED)
      this.unsupported(`with the attribute ${name} of type ${AttributeType[attribute.type] ?? attribute.type}`)
    return attribute
  }
}
