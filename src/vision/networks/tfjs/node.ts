import { UserError } from '../../../errors.ts'
import type { HostValue } from '../../../formats/host-value.ts'
import { constant, input, reshape, type Tensor, transpose } from '../../../graph/index.ts'
import type { TfjsNodeDef } from './model-file.ts'

/** TensorFlow's layouts, channels last, as permutations of the axes into ours, channels before rows and columns. */
export const LAYOUTS = {
  /** images: batch, rows, columns, channels */
  NHWC: [0, 3, 1, 2],
  /** filters: rows, columns, input channels, output channels */
  HWIO: [3, 2, 0, 1],
} as const

/** Looks up the inputs of nodes by name. */
export interface TfjsInputs {
  /** The output of a node. Throws UserError if it cannot be computed. */
  tensor(name: string): Tensor
  /** A value stored in the weight files, or undefined. */
  stored(name: string): HostValue | undefined
  /** Records that a stored value is an input of the graph. */
  keep(name: string, value: HostValue): void
  /** how much larger the images are than in the file */
  readonly stretch: readonly [down: number, across: number]
}

/** A TensorFlow node as an import rule reads it. Methods throw UserError if the file does not have what they return. */
export class TfjsNode {
  readonly #node: TfjsNodeDef
  readonly #inputs: TfjsInputs

  /** `inputs` looks up the node's inputs. */
  constructor(node: TfjsNodeDef, inputs: TfjsInputs) {
    this.#node = node
    this.#inputs = inputs
  }

  /** The number of inputs. */
  get inputCount(): number {
    return this.#names.length
  }

  /** An input in our layout: a computed tensor, a stored number, or a stored vector along the channels `[C, 1, 1]`. */
  input(index: number): Tensor {
    const name = this.#name(index)
    const stored = this.#inputs.stored(name)
    if (!stored) return this.#inputs.tensor(name)
    if (stored.data.length === 1) return constant([Number(stored.data[0])], stored.dtype, [])
    return reshape(this.#weight(index, 1), [-1, 1, 1])
  }

  /** A stored vector `[size]`. */
  vector(index: number): Tensor {
    return this.#weight(index, 1)
  }

  /** Stored filters `[out, in, rows, columns]`. */
  filters(index: number): Tensor {
    return transpose(this.#weight(index, 4), LAYOUTS.HWIO)
  }

  /** The values of a stored input. */
  numbers(index: number): number[] {
    return Array.from(this.#value(index).data as ArrayLike<number>, Number)
  }

  /** A stored height and width of a map, for images of another size than in the file. */
  mapSize(index: number): readonly number[] {
    const size = this.numbers(index)
    return size.map((stored, i) => stored * this.#inputs.stretch[i]!)
  }

  /** A boolean attribute, by default false. */
  flag(name: string): boolean {
    return this.#attribute(name)?.b ?? false
  }

  /** The two middle numbers of an attribute `[1, down, across, 1]`, by default ones. */
  window(name: string): readonly [down: number, across: number] {
    const sizes = (this.#attribute(name)?.list?.i ?? [1, 1, 1, 1]).map(Number)
    const [, down, across] = sizes
    if (sizes.length !== 4 || !sizes.every((size) => Number.isSafeInteger(size) && size >= 1))
      return this.unsupported(`with the attribute ${name} [${sizes.join(', ')}]`)
    return [down!, across!]
  }

  /** A text attribute. */
  string(name: string, fallback: string): string {
    const value = this.#attribute(name)?.s
    return value === undefined ? fallback : this.#fromBase64(value)
  }

  /** A list of texts as an attribute. */
  strings(name: string): string[] {
    return (this.#attribute(name)?.list?.s ?? []).map((text) => this.#fromBase64(text))
  }

  /** Throws UserError: the operator cannot be imported `how` the node uses it. */
  unsupported(how: string): never {
    throw new UserError(`the operator ${this.#node.op} ${how} is not supported`)
  }

  #attribute(name: string) {
    return this.#node.attr?.[name]
  }

  /** Control inputs, whose names begin with ^, only order the nodes. */
  get #names(): string[] {
    return (this.#node.input ?? []).filter((name) => !name.startsWith('^'))
  }

  #name(index: number): string {
    return this.#names[index] ?? this.unsupported(`without its input ${index}`)
  }

  #value(index: number): HostValue {
    const name = this.#name(index)
    return this.#inputs.stored(name) ?? this.unsupported(`with "${name}" computed at run time`)
  }

  #weight(index: number, axes: number): Tensor {
    const name = this.#name(index)
    const value = this.#value(index)
    if (value.shape.length !== axes || value.dtype !== 'float32')
      return this.unsupported(`with "${name}" ${value.dtype} [${value.shape.join(', ')}]`)
    this.#inputs.keep(name, value)
    return input(name, value.shape, value.dtype)
  }

  #fromBase64(text: string): string {
    try {
      return new TextDecoder().decode(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)))
    } catch {
      return this.unsupported(`with the attribute "${text}", which is not base64,`)
    }
  }
}
