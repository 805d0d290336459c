import { create } from '@bufbuild/protobuf'
import { toFloat16 } from '../formats/float16.ts'
import {
  type Dim,
  type DType,
  type EmitOptions,
  type Emitter,
  factors,
  inputName,
  ONNX_TYPE,
  type Shape,
  type Tensor,
} from '../graph/index.ts'
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './pb.ts'

/** Constants up to this length are shared, under a name made of their values. */
const MAX_NAMED_VALUES = 8

/** Collects ONNX nodes and initializers while operators lower themselves. */
export class OnnxEmitter implements Emitter {
  /** the nodes in the order in which they were added */
  readonly nodes: NodeProto[] = []
  /** the stored tensors by name */
  readonly initializers = new Map<string, TensorProto>()
  readonly #names = new Map<Tensor, string>()
  readonly #taken: ReadonlySet<string>
  readonly #dims = new Map<Dim, string>()
  readonly #inputs: readonly Tensor[]
  #fresh = 0

  /** `inputs` are the graph inputs; new names avoid theirs and those of `outputs`. */
  constructor(inputs: readonly Tensor[], outputs: readonly string[]) {
    this.#inputs = inputs
    this.#taken = new Set([...inputs.map((tensor) => inputName(tensor)!), ...outputs])
    for (const tensor of inputs) this.#names.set(tensor, inputName(tensor)!)
  }

  /** The name of a tensor, made when it is first requested. */
  readonly name = (tensor: Tensor): string => {
    const known = this.#names.get(tensor)
    if (known !== undefined) return known
    const fresh = this.#next(tensor.node.op.name.replaceAll(' ', '_'))
    this.#names.set(tensor, fresh)
    return fresh
  }

  /** Sets the name of a tensor; without `name`, to a new one. */
  rename(tensor: Tensor, name = this.#next('input')): void {
    this.#names.set(tensor, name)
  }

  /** As Emitter.node(). */
  node(type: string, inputs: readonly string[], { attrs = {}, outputs, domain = '' }: EmitOptions = {}): string[] {
    const output = outputs ? [...outputs] : [this.#next(type)]
    const attribute = Object.entries(attrs).map(([name, value]) => attributeProto(name, value))
    const name = output[0]!
    this.nodes.push(create(NodeProtoSchema, { opType: type, input: [...inputs], output, attribute, domain, name }))
    return output
  }

  /** As Emitter.ints(). */
  ints(values: readonly number[]): string {
    return this.constant(values, 'int64', [values.length])
  }

  /** As Emitter.constant(). */
  constant(values: readonly number[], dtype: DType, shape: readonly number[] = [values.length]): string {
    const text = values.map((value) => (Object.is(value, -0) ? '-0' : value)).join('_')
    let name = `const_${dtype}_${shape.join('x')}_${values.length > MAX_NAMED_VALUES ? this.#fresh++ : text}`
    while (this.#taken.has(name)) name += '_'
    if (!this.initializers.has(name))
      this.initializers.set(name, tensorProto(name, rawBytes(values, dtype), dtype, shape))
    return name
  }

  /** As Emitter.shape(). */
  shape(shape: Shape): string {
    if (shape.every((dim) => typeof dim === 'number')) return this.ints(shape)
    const parts = shape.map((dim) => (typeof dim === 'number' ? this.ints([dim]) : this.#dim(dim)))
    return parts.length === 1 ? parts[0]! : this.node('Concat', parts, { attrs: { axis: 0 } })[0]!
  }

  /** A symbolic size as an int64 vector `[1]`: the product of its symbols and its factor. */
  #dim(dim: Dim): string {
    const known = this.#dims.get(dim)
    if (known !== undefined) return known
    const { factor, symbols } = factors(dim)
    const parts = symbols.map((symbol) => this.#symbol(symbol))
    if (factor !== 1) parts.push(this.ints([factor]))
    const name = parts.reduce((a, b) => this.node('Mul', [a, b])[0]!)
    this.#dims.set(dim, name)
    return name
  }

  /** A symbol as an int64 vector `[1]`: the size of an input that has it. */
  #symbol(symbol: string): string {
    const known = this.#dims.get(symbol)
    if (known !== undefined) return known
    const source = this.#inputs.find((tensor) => tensor.shape.includes(symbol))
    if (!source) throw new Error(`Internal: no input has the size ${symbol}`)
    const axis = source.shape.indexOf(symbol)
    const [name] = this.node('Shape', [this.name(source)], { attrs: { start: axis, end: axis + 1 } })
    this.#dims.set(symbol, name!)
    return name!
  }

  #next(stem: string): string {
    let name: string
    do name = `${stem}_${this.#fresh++}`
    while (this.#taken.has(name))
    return name
  }
}

/** An attribute of a node: an integer, a string, a `{ float }` or integers. */
export function attributeProto(name: string, value: NonNullable<EmitOptions['attrs']>[string]): AttributeProto {
  if (typeof value === 'number')
    return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) })
  if (typeof value === 'string')
    return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) })
  if ('float' in value) return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float })
  return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) })
}

/** An input or output of a type and any shape. */
export const valueProto = (name: string, dtype: DType): ValueInfoProto =>
  create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, { value: { case: 'tensorType', value: { elemType: ONNX_TYPE[dtype] } } }),
  })

/** A stored tensor from its little-endian bytes. */
export const tensorProto = (name: string, bytes: Uint8Array, dtype: DType, shape: readonly number[]): TensorProto =>
  create(TensorProtoSchema, {
    name,
    dims: shape.map(BigInt),
    dataType: ONNX_TYPE[dtype],
    rawData: bytes as Uint8Array<ArrayBuffer>,
  })

function rawBytes(values: readonly number[], dtype: DType): Uint8Array {
  const bytes = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
  switch (dtype) {
    case 'float32':
      return bytes(Float32Array.from(values))
    case 'float64':
      return bytes(Float64Array.from(values))
    case 'float16':
      return bytes(toFloat16(Float32Array.from(values)))
    case 'int64':
      return bytes(BigInt64Array.from(values, BigInt))
    case 'int32':
      return bytes(Int32Array.from(values))
    case 'uint32':
      return bytes(Uint32Array.from(values))
    case 'uint8':
    case 'bool':
      return Uint8Array.from(values)
  }
}
