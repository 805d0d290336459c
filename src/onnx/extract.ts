import { create, toBinary } from '@bufbuild/protobuf'
import { inputsOf } from './dataflow.ts'
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './pb.ts'

/** The first version of ONNX files whose initializers need not be inputs. */
const IR_VERSION = 4n

/** A part of a model. */
export interface Part {
  /** in an order in which each comes after those it depends on */
  readonly nodes: readonly NodeProto[]
  readonly inputs: readonly ValueInfoProto[]
  /** the names of the outputs; ONNX Runtime finds their types */
  readonly outputs: readonly string[]
  /** weights to store in addition to those of the model */
  readonly weights?: readonly TensorProto[]
}

/**
 * The bytes of an ONNX model of some nodes of another, as they are, with the weights that they use. The shapes that the
 * file states for tensors inside are left out, because they may be those of another input size.
 */
export function extract(
  { irVersion, opsetImport, functions, graph }: ModelProto & { graph: GraphProto },
  { nodes, inputs, outputs, weights = [] }: Part,
): Uint8Array {
  const used = new Set([...nodes.flatMap(inputsOf), ...outputs])
  const part = create(GraphProtoSchema, {
    name: graph.name || 'network',
    node: [...nodes],
    initializer: [...graph.initializer.filter(({ name }) => used.has(name)), ...weights],
    sparseInitializer: graph.sparseInitializer.filter(({ values }) => used.has(values?.name ?? '')),
    input: [...inputs],
    output: outputs.map((name) => create(ValueInfoProtoSchema, { name })),
  })
  const model = create(ModelProtoSchema, {
    irVersion: irVersion > IR_VERSION ? irVersion : IR_VERSION,
    opsetImport: [...opsetImport],
    functions: [...functions],
    graph: part,
  })
  return toBinary(ModelProtoSchema, model)
}
