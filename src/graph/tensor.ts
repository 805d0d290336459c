// The symbolic tensor graph. A tensor is an output of a node; a node applies an operator to tensors. The graph holds
// no data except small constants, and does not depend on an engine.
import type { DType } from './dtype.ts'
import { isValidShape, type Shape, ShapeError, show } from './shape.ts'

/** The shape and element type of a tensor. */
export interface Spec {
  readonly shape: Shape
  readonly dtype: DType
}

/** An output of a node. */
export interface Tensor extends Spec {
  readonly node: Node
  /** its position among the node's outputs */
  readonly index: number
}

/** An operator applied to tensors. */
export interface Node {
  readonly op: Op
  readonly attrs: Attrs
  readonly inputs: readonly Tensor[]
  readonly outputs: readonly Tensor[]
}

/** The attributes of a node; each operator knows the type of its own. */
// biome-ignore lint/suspicious/noExplicitAny: the type is checked where the operator is defined
export type Attrs = any

/** The arguments of a gradient rule. `dys[i]` is undefined if the loss does not depend on output i. */
export interface Adjoint<A> {
  readonly dys: readonly (Tensor | undefined)[]
  /** the adjoint of the first output, for operators whose first output the loss always depends on */
  readonly dy: Tensor
  /** the first output */
  readonly y: Tensor
  readonly outputs: readonly Tensor[]
  readonly inputs: readonly Tensor[]
  readonly attrs: A
}

/** Writes ONNX; operators lower themselves through it. onnx/emit.ts implements it. */
export interface Emitter {
  /** The ONNX name of a tensor. */
  name(tensor: Tensor): string
  /** Adds an ONNX node and returns the names of its outputs: `outputs`, or one new name. */
  node(type: string, inputs: readonly string[], options?: EmitOptions): string[]
  /** Adds an int64 vector as an initializer and returns its name. */
  ints(values: readonly number[]): string
  /** Adds values of any type as an initializer and returns its name; a vector unless `shape` is given. */
  constant(values: readonly number[], dtype: DType, shape?: readonly number[]): string
  /** The name of a shape as an int64 vector, computed at run time if it has symbols. */
  shape(shape: Shape): string
}

/** Options of Emitter.node(). */
export interface EmitOptions {
  /** ONNX attributes: numbers are INT, lists are INTS, `{ float }` is FLOAT */
  readonly attrs?: Readonly<Record<string, number | string | readonly number[] | { readonly float: number }>>
  readonly outputs?: readonly string[]
  /** the operator's domain; by default the standard operators */
  readonly domain?: string
}

/** Everything that defines an operator: shapes, gradient and ONNX form. */
export interface OpDefinition<A> {
  readonly name: string
  /** The shapes and types of the outputs. Throws ShapeError if the inputs do not fit. */
  infer(inputs: readonly Tensor[], attrs: A): Spec | readonly Spec[]
  /** The adjoints of the inputs; undefined for an input without a gradient. */
  grad?(adjoint: Adjoint<A>): readonly (Tensor | undefined)[]
  /** Writes the node as ONNX; `outputs` are the names that its results must get. */
  lower(node: Omit<Node, 'attrs'> & { readonly attrs: A }, emit: Emitter, outputs: readonly string[]): void
  /** The values of the only output if all inputs are constants, or undefined if they cannot be folded. */
  fold?(inputs: readonly ArrayLike<number>[], attrs: A, node: Node): readonly number[] | undefined
  /** A cheaper sum of several outputs of this operator, or undefined. */
  sum?(addends: readonly Tensor[]): Tensor | undefined
}

/** An operator whose attribute type is erased. */
export interface Op extends OpDefinition<Attrs> {}

/** All operators by name; a test checks that each one with a gradient has a gradient test. */
export const registry = new Map<string, Op>()

/**
 * Registers an operator and returns the function that applies it to tensors and returns the node's outputs.
 * Throws Error if the name is taken.
 */
export function defineOp<A>(definition: OpDefinition<A>): (inputs: readonly Tensor[], attrs: A) => readonly Tensor[] {
  if (registry.has(definition.name)) throw new Error(`Internal: operator ${definition.name} is defined twice`)
  const op = definition as unknown as Op
  registry.set(op.name, op)
  return (inputs, attrs) => apply(op, inputs, attrs)
}

function apply(op: Op, inputs: readonly Tensor[], attrs: Attrs): readonly Tensor[] {
  const specs = op.infer(inputs, attrs)
  const outputs: Tensor[] = []
  const node: Node = { op, attrs, inputs, outputs }
  for (const [index, { shape, dtype }] of (Array.isArray(specs) ? specs : [specs]).entries()) {
    // such a size would surface much later, when the graph is written as ONNX
    if (!isValidShape(shape))
      throw new ShapeError(
        `Cannot ${[op.name, ...inputs.map((x) => show(x.shape))].join(' ')}: the result would be ${show(shape)}`,
      )
    outputs.push({ node, index, shape, dtype })
  }
  return outputs
}

const inputOp = defineOp<{ name: string; spec: Spec }>({
  name: 'input',
  infer: (_, { spec }) => spec,
  lower: () => {},
})

/** A value fed at run time: a batch, a weight. `name` is also its name in ONNX. */
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

/** Values stored in the graph: a scalar for a number, a vector if `shape` is not given. Feed large data as inputs. */
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
