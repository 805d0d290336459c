import { create, toBinary } from '@bufbuild/protobuf'
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from '../../src/onnx/pb.ts'

/** The value of an attribute: INT, STRING, INTS, FLOAT or FLOATS. */
export type Attribute =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }

/** A node of a model. */
export interface NodeSpec {
  readonly type: string
  readonly inputs: readonly string[]
  readonly output: string
  /** further outputs */
  readonly others?: readonly string[]
  readonly attrs?: Readonly<Record<string, Attribute>>
  readonly domain?: string
}

/**
 * A tensor stored in the file: float32 as bytes or, if `fields` says so, as a list of numbers; int64 always as a list.
 */
export interface Stored {
  readonly shape: readonly number[]
  readonly values: readonly number[]
  readonly int64?: boolean
  readonly fields?: boolean
  readonly external?: boolean
  /** keep only the first bytes */
  readonly bytes?: number
}

/** A model; by default it has one input `x` [1, 3, 8, 8] and opset 13. */
export interface ModelSpec {
  readonly nodes: readonly NodeSpec[]
  readonly stored?: Readonly<Record<string, Stored>>
  readonly inputs?: Readonly<Record<string, readonly (number | string)[]>>
  readonly output: string
  readonly opset?: number
}

/** The bytes of an ONNX model, written without our own exporter. */
export function onnxModel({
  nodes,
  stored = {},
  inputs = { x: [1, 3, 8, 8] },
  output,
  opset = 13,
}: ModelSpec): Uint8Array {
  const info = (name: string, shape?: readonly (number | string)[]) =>
    create(ValueInfoProtoSchema, {
      name,
      type: create(TypeProtoSchema, {
        value: {
          case: 'tensorType',
          value: create(TypeProto_TensorSchema, {
            elemType: 1,
            ...(shape && {
              shape: create(TensorShapeProtoSchema, {
                dim: shape.map((size) =>
                  create(TensorShapeProto_DimensionSchema, {
                    value:
                      typeof size === 'number'
                        ? { case: 'dimValue', value: BigInt(size) }
                        : { case: 'dimParam', value: size },
                  }),
                ),
              }),
            }),
          }),
        },
      }),
    })
  const graph = create(GraphProtoSchema, {
    name: 'test',
    node: nodes.map(({ type, inputs: input, output: result, others = [], attrs = {}, domain = '' }) =>
      create(NodeProtoSchema, {
        opType: type,
        input: [...input],
        output: [result, ...others],
        domain,
        attribute: Object.entries(attrs).map(([name, value]) => attribute(name, value)),
      }),
    ),
    initializer: Object.entries(stored).map(([name, { shape, values, int64, fields, external, bytes }]) =>
      create(TensorProtoSchema, {
        name,
        dims: shape.map(BigInt),
        dataType: int64 ? 7 : 1,
        dataLocation: external ? 1 : 0,
        ...(int64
          ? { int64Data: values.map(BigInt) }
          : fields
            ? { floatData: [...values] }
            : { rawData: new Uint8Array(Float32Array.from(values).buffer).subarray(0, bytes) }),
      }),
    ),
    input: Object.entries(inputs).map(([name, shape]) => info(name, shape)),
    output: [info(output)],
  })
  const opsetImport = [
    create(OperatorSetIdProtoSchema, { domain: '', version: BigInt(opset) }),
    create(OperatorSetIdProtoSchema, { domain: 'com.microsoft', version: 1n }),
  ]
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 7n, opsetImport, graph }))
}

function attribute(name: string, value: Attribute): AttributeProto {
  if (typeof value === 'number')
    return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) })
  if (typeof value === 'string')
    return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) })
  if ('floats' in value)
    return create(AttributeProtoSchema, { name, type: AttributeType.FLOATS, floats: [...value.floats] })
  if ('float' in value) return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float })
  return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) })
}
