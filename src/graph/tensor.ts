import { type Shape, ShapeError } from './shape.ts'

/**
 * The symbolic tensor graph: a tensor is an output of a node, a node is an operator applied to tensors. The graph holds no data but small
 * constants, and knows no runtime.
 */
export type DType = 'float32' | 'float64' | 'float16' | 'int64' | 'int32' | 'uint32' | 'uint8' | 'bool'

/** What an operator says of an output: its shape and the type of its elements. */
export interface Spec {
  readonly shape: Shape
  readonly dtype: DType
}

export interface Tensor extends Spec {
  readonly node: Node
  /** which of the node's outputs it is */
  readonly index: number
}

export interface Node {
  readonly op: Op
  readonly attrs: Attrs
  readonly inputs: readonly Tensor[]
  readonly outputs: readonly Tensor[]
}

// biome-ignore lint/suspicious/noExplicitAny: each operator knows the attributes it was defined with
export type Attrs = any

/** What a gradient rule is given: `dys[i]` is undefined where nothing depends on output i. */
export interface Adjoint<A> {
  readonly dys: readonly (Tensor | undefined)[]
  /** the adjoint of the first output; only for operators whose first output is always the one asked for */
  readonly dy: Tensor
  readonly y: Tensor
  readonly outputs: readonly Tensor[]
  readonly inputs: readonly Tensor[]
  readonly attrs: A
}

/** What `lower` writes ONNX with; implemented in runtime/onnx.ts. */
export interface Emitter {
  /** the ONNX name of a tensor */
  name(tensor: Tensor): string
  /** adds an ONNX node; `outputs` are names, by default one fresh name, and are returned */
  node(type: string, inputs: readonly string[], options?: EmitOptions): string[]
  /** an int64 vector as an initializer */
  ints(values: readonly number[]): string
  /** a scalar, or a vector if `shape` says so, of any type as an initializer */
  constant(values: readonly number[], dtype: DType, shape?: readonly number[]): string
  /** a shape as an int64 vector, computed when the graph runs where it has symbols */
  shape(shape: Shape): string
}

export interface EmitOptions {
  readonly attrs?: Readonly<Record<string, number | string | readonly number[] | { readonly float: number }>>
  readonly outputs?: readonly string[]
  readonly domain?: string
}

export interface OpDefinition<A> {
  readonly name: string
  /** the shapes and types of the outputs; throws ShapeError where the inputs do not fit */
  infer(inputs: readonly Tensor[], attrs: A): Spec | readonly Spec[]
  /** the adjoints of the inputs; undefined for an input that nothing flows back to */
  grad?(adjoint: Adjoint<A>): readonly (Tensor | undefined)[]
  /** writes the node as ONNX; `outputs` are the names its results must get */
  lower(node: Omit<Node, 'attrs'> & { readonly attrs: A }, emit: Emitter, outputs: readonly string[]): void
  /** the value of the (only) output where all inputs are constants */
  fold?(inputs: readonly ArrayLike<number>[], attrs: A, node: Node): readonly number[] | undefined
  /** a cheaper sum of several outputs of this operator, where there is one */
  sum?(addends: readonly Tensor[]): Tensor | undefined
}

export interface Op extends OpDefinition<Attrs> {}

/** Every operator by name: tests walk it, so that none is without a gradient test. */
export const registry = new Map<string, Op>()

/** Adds an operator; the function returned applies it and gives the node's outputs. */
export function defineOp<A>(definition: OpDefinition<A>): (inputs: readonly Tensor[], attrs: A) => readonly Tensor[] {
  if (registry.has(definition.name)) throw new Error(`Internal: operator ${definition.name} is defined twice`)
  const op = definition as unknown as Op
  registry.set(op.name, op)
  return (inputs, attrs) => apply(op, inputs, attrs)
}

/** Applies an operator that is at hand as a value, as passes over the graph do. */
export function apply(op: Op, inputs: readonly Tensor[], attrs: Attrs): readonly Tensor[] {
  const specs = located(() => op.infer(inputs, attrs))
  const outputs: Tensor[] = []
  const node: Node = { op, attrs, inputs, outputs }
  for (const [index, spec] of (Array.isArray(specs) ? specs : [specs]).entries())
    outputs.push({ node, index, shape: spec.shape, dtype: spec.dtype })
  return outputs
}

/** Adds to a ShapeError the line of the model that made it: the first caller outside the graph's own folder. */
function located<T>(infer: () => T): T {
  try {
    return infer()
  } catch (error) {
    if (error instanceof ShapeError) {
      const frames = (error.stack ?? '').split('\n').filter((line) => /:\d+:\d+\)?$/.test(line))
      const outside = frames.find((line) => !/(src|dist)[\\/]graph[\\/]/.test(line))
      const place = outside && /([^\\/(\s]+[\\/][^\\/(\s]+:\d+):\d+\)?$/.exec(outside)?.[1]
      if (place && !error.message.includes(' (in ')) error.message += ` (in ${place})`
    }
    throw error
  }
}

const inputOp = defineOp<{ name: string; spec: Spec }>({
  name: 'input',
  infer: (_, { spec }) => spec,
  lower: () => {},
})

/** A value given when the graph runs: a batch, a weight. Its name is its name in ONNX. */
export const input = (name: string, shape: Shape, dtype: DType = 'float32'): Tensor =>
  inputOp([], { name, spec: { shape, dtype } })[0]!

/** The name of a graph input, or undefined for any other tensor. */
export const inputName = (tensor: Tensor): string | undefined =>
  tensor.node.op.name === 'input' ? (tensor.node.attrs as { name: string }).name : undefined

const constantOp = defineOp<{ values: readonly number[]; spec: Spec & { readonly shape: readonly number[] } }>({
  name: 'constant',
  infer: (_, { spec }) => spec,
  lower: ({ attrs }, emit, [y]) => {
    emit.node('Identity', [emit.constant(attrs.values, attrs.spec.dtype, attrs.spec.shape)], { outputs: [y!] })
  },
})

/** Numbers that are part of the graph: a scalar, or a few values with their shape. Large data are inputs. */
export const constant = (
  values: number | readonly number[],
  dtype: DType = 'float32',
  shape?: readonly number[],
): Tensor => {
  const list = typeof values === 'number' ? [values] : values
  return constantOp([], {
    values: list,
    spec: { shape: shape ?? (typeof values === 'number' ? [] : [list.length]), dtype },
  })[0]!
}

/** The values of a constant, or undefined for any other tensor. */
export const constantValues = (tensor: Tensor): readonly number[] | undefined =>
  tensor.node.op.name === 'constant' ? (tensor.node.attrs as { values: readonly number[] }).values : undefined
