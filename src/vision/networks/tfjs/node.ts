import { UserError } from '../../../errors.ts'
import type { HostValue } from '../../../formats/host-value.ts'
import { constant, input, reshape, type Tensor, transpose } from '../../../graph/index.ts'
import type { TfjsNodeDef } from './model-file.ts'

/** The layouts of TensorFlow, in which channels come last, as orders of axes of ours, in which they come before rows and columns. */
export const layouts = {
  /** pictures, rows, columns, channels */
  NHWC: [0, 3, 1, 2],
  /** a filter's rows, columns, channels in and out */
  HWIO: [3, 2, 0, 1],
} as const

/** What a rule sees of a node of a TensorFlow graph: its inputs as tensors, in our layout, or as numbers, and its attributes. */
export class TfjsNode {
  readonly #node: TfjsNodeDef
  readonly #tensor: (name: string) => Tensor
  readonly #stored: (name: string) => HostValue | undefined
  readonly #keep: (name: string, value: HostValue) => void

  constructor(
    node: TfjsNodeDef,
    values: {
      tensor: (name: string) => Tensor
      stored: (name: string) => HostValue | undefined
      /** notes that the graph takes a stored value as its input */
      keep: (name: string, value: HostValue) => void
    },
  ) {
    this.#node = node
    this.#tensor = values.tensor
    this.#stored = values.stored
    this.#keep = values.keep
  }

  get inputCount(): number {
    return this.#names.length
  }

  /** An input: what a node makes, or a stored number or vector, the latter along the channels `[C, 1, 1]`. */
  input(index: number): Tensor {
    const stored = this.#stored(this.#name(index))
    if (!stored) return this.#tensor(this.#name(index))
    if (stored.data.length === 1) return constant([Number(stored.data[0])], stored.dtype, [])
    if (stored.shape.length !== 1)
      this.unsupported(`with a stored input ${index} of shape [${stored.shape.join(', ')}]`)
    return reshape(this.#weight(index, 1), [-1, 1, 1])
  }

  /** A stored vector `[size]`. */
  vector(index: number): Tensor {
    return this.#weight(index, 1)
  }

  /** Stored filters `[out, in, rows, columns]`. */
  filters(index: number): Tensor {
    return transpose(this.#weight(index, 4), layouts.HWIO)
  }

  /** A stored input as numbers. */
  numbers(index: number): number[] {
    const value = this.#stored(this.#name(index))
    if (!value) return this.unsupported(`with an input ${index} that is computed when the model runs`)
    return Array.from(value.data as ArrayLike<number>, Number)
  }

  flag(name: string): boolean {
    return this.#attribute(name)?.b ?? false
  }

  ints(name: string, fallback: readonly number[]): number[] {
    return (this.#attribute(name)?.list?.i ?? fallback).map(Number)
  }

  string(name: string, fallback: string): string {
    const value = this.#attribute(name)?.s
    return value === undefined ? fallback : fromBase64(value)
  }

  strings(name: string): string[] {
    return (this.#attribute(name)?.list?.s ?? []).map(fromBase64)
  }

  unsupported(how: string): never {
    throw new UserError(`the operator ${this.#node.op} ${how} is not supported`)
  }

  #attribute(name: string) {
    return this.#node.attr?.[name]
  }

  /** Inputs whose names begin with ^ say only what must have run before. */
  get #names(): string[] {
    return (this.#node.input ?? []).filter((name) => !name.startsWith('^'))
  }

  #name(index: number): string {
    return this.#names[index] ?? this.unsupported(`without its input ${index}`)
  }

  #weight(index: number, axes: number): Tensor {
    const name = this.#name(index)
    const stored = this.#stored(name)
    if (!stored) return this.unsupported(`with an input ${index} that is computed when the model runs`)
    if (stored.shape.length !== axes)
      return this.unsupported(`with an input ${index} of shape [${stored.shape.join(', ')}]`)
    this.#keep(name, stored)
    return input(name, stored.shape, stored.dtype)
  }
}

const fromBase64 = (text: string): string => Buffer.from(text, 'base64').toString('utf8')
