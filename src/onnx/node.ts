import { UserError } from '../errors.ts'
import type { HostValue } from '../formats/host-value.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { AttributeProto, NodeProto } from './pb.ts'

/** What a rule of import sees of an ONNX node: its inputs as tensors or as numbers, its attributes with their defaults. */
export class OnnxNode {
  readonly #node: NodeProto
  readonly #attributes: ReadonlyMap<string, AttributeProto>
  readonly #tensor: (name: string) => Tensor
  readonly #stored: (name: string) => HostValue | undefined

  constructor(
    node: NodeProto,
    /** the version of the standard operators */
    readonly opset: number,
    /** the size of a batch in the file, undefined where the file leaves it open */
    readonly fileBatch: number | undefined,
    values: { tensor: (name: string) => Tensor; stored: (name: string) => HostValue | undefined },
  ) {
    this.#node = node
    this.#attributes = new Map(node.attribute.map((attribute) => [attribute.name, attribute]))
    this.#tensor = values.tensor
    this.#stored = values.stored
  }

  get inputCount(): number {
    return this.#node.input.length
  }

  /** Is the input there? Optional ones may be missing or have an empty name. */
  has(index: number): boolean {
    return Boolean(this.#node.input[index])
  }

  input(index: number): Tensor {
    const name = this.#node.input[index]
    if (!name) this.unsupported(`without its input ${index}`)
    return this.#tensor(name!)
  }

  optional(index: number): Tensor | undefined {
    return this.has(index) ? this.input(index) : undefined
  }

  /** An input that is stored in the file, as numbers. */
  numbers(index: number): number[] {
    const value = this.#stored(this.#node.input[index] ?? '')
    if (!value) this.unsupported(`with an input ${index} that is computed when the model runs`)
    return Array.from(value!.data as ArrayLike<number | bigint>, Number)
  }

  int(name: string, fallback: number): number {
    const attribute = this.#attributes.get(name)
    return attribute ? Number(attribute.i) : fallback
  }

  float(name: string, fallback: number): number {
    return this.#attributes.get(name)?.f ?? fallback
  }

  ints(name: string, fallback: readonly number[]): number[] {
    return this.#attributes.get(name)?.ints.map(Number) ?? [...fallback]
  }

  string(name: string, fallback: string): string {
    const attribute = this.#attributes.get(name)
    return attribute ? new TextDecoder().decode(attribute.s) : fallback
  }

  /** Axes, lists and numbers that older files give as attributes and newer ones as inputs. */
  listed(name: string, index: number): number[] | undefined {
    if (this.#attributes.has(name)) return this.ints(name, [])
    return this.has(index) ? this.numbers(index) : undefined
  }

  unsupported(how: string): never {
    throw new UserError(`the operator ${this.#node.opType} ${how} is not supported`)
  }
}
