import { clone, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type GraphProto, ModelProtoSchema } from '../../src/onnx/pb.ts'
import type { Random } from '../../src/random.ts'

/**
 * Operators that mutations write into nodes: supported ones, unknown ones, and names that every JavaScript object has.
 */
const OPERATORS = [
  ...['Add', 'Mul', 'MatMul', 'Conv', 'MaxPool', 'Resize', 'Slice', 'Reshape', 'Concat', 'Gemm', 'Transpose', 'Pad'],
  ...['Softmax', 'Clip', 'Squeeze', 'Unsqueeze', 'Flatten', 'ReduceMean', 'BatchNormalization', 'GlobalAveragePool'],
  ...['Constant', 'Identity', 'PRelu', 'Upsample', 'Shape', 'Erf', 'LayerNormalization', 'Gather', 'Split', 'If'],
  ...['constructor', 'toString', '__proto__', 'hasOwnProperty', ''],
]
const NUMBERS = [0, 1, -1, 2, 3, 4, 5, 7, 8, 64, 1e6, 2 ** 31, -(2 ** 31), 2 ** 53]
const BIG = [...NUMBERS.map(BigInt), 2n ** 62n, -(2n ** 63n), 2n ** 63n - 1n]
const FLOATS = [...NUMBERS, 0.5, 1e38, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]

/** A copy of an ONNX model with one to three random changes of its structure. */
export function mutated(model: Uint8Array, random: Random): Uint8Array {
  const copy = clone(ModelProtoSchema, fromBinary(ModelProtoSchema, model))
  for (let left = 1 + random.below(3); left > 0; left--) {
    const change = pick(CHANGES, random)
    change(copy.graph!, random)
    if (random.below(20) === 0) copy.opsetImport[0]!.version = pick([0n, 1n, 7n, 9n, 10n, 11n, 13n, 18n, 21n], random)
  }
  return toBinary(ModelProtoSchema, copy)
}

const pick = <T>(list: readonly T[], random: Random): T => list[random.below(list.length)]!

const names = ({ node, initializer, input }: GraphProto): string[] => [
  ...node.flatMap(({ output }) => output),
  ...initializer.map(({ name }) => name),
  ...input.map(({ name }) => name),
  'nothing',
  '',
]

const CHANGES: ((graph: GraphProto, random: Random) => void)[] = [
  function renameOperator({ node }, random) {
    pick(node, random).opType = pick(OPERATORS, random)
  },
  function connectAnotherInput(graph, random) {
    const { input } = pick(graph.node, random)
    input[random.below(input.length + 1)] = pick(names(graph), random)
  },
  function dropInputs({ node }, random) {
    const { input } = pick(node, random)
    input.splice(random.below(input.length + 1))
  },
  function renameOutput(graph, random) {
    const { output } = pick(graph.node, random)
    output[random.below(output.length + 1)] = pick(names(graph), random)
  },
  function dropNode({ node }, random) {
    if (node.length > 1) node.splice(random.below(node.length), 1)
  },
  function moveNode({ node }, random) {
    const [moved] = node.splice(random.below(node.length), 1)
    node.splice(random.below(node.length + 1), 0, moved!)
  },
  changeAttribute,
  changeAttribute,
  changeAttribute,
  changeStored,
  changeStored,
  changeStored,
  changeInput,
]

function changeAttribute({ node }: GraphProto, random: Random): void {
  const { attribute } = pick(node, random)
  if (attribute.length === 0) return
  const at = random.below(attribute.length)
  const one = attribute[at]!
  const act = random.below(7)
  if (act === 0) attribute.splice(at, 1)
  else if (act === 1) one.type = random.below(16)
  else if (act === 2) one.ints.splice(random.below(one.ints.length + 1))
  else if (act === 3) one.ints.push(pick(BIG, random))
  else if (act === 4) one.s = new TextEncoder().encode(pick(['SAME_UPPER', 'VALID', 'linear', 'floor', ''], random))
  else if (one.ints.length > 0) one.ints[random.below(one.ints.length)] = pick(BIG, random)
  else {
    one.i = pick(BIG, random)
    one.f = pick(FLOATS, random)
  }
}

function changeStored({ initializer }: GraphProto, random: Random): void {
  if (initializer.length === 0) return
  const tensor = pick(initializer, random)
  const act = random.below(8)
  if (act === 0) tensor.dims[random.below(tensor.dims.length + 1)] = pick(BIG, random)
  else if (act === 1) tensor.dims.splice(random.below(tensor.dims.length + 1))
  else if (act === 2) tensor.dims.reverse()
  else if (act === 3) tensor.dims.splice(random.below(tensor.dims.length + 1), 0, 1n)
  else if (act === 4) tensor.dataType = random.below(20)
  else if (act === 5) tensor.rawData = tensor.rawData.slice(random.below(9))
  else if (act === 6) tensor.name = pick(['regions', 'conv_1', 'const_int64_1_0', ''], random)
  else if (tensor.int64Data.length > 0) tensor.int64Data[random.below(tensor.int64Data.length)] = pick(BIG, random)
}

function changeInput({ input }: GraphProto, random: Random): void {
  const one = pick(input, random)
  const value = one.type?.value
  const act = random.below(5)
  if (act === 0) one.name = pick(['', 'a*b', 'regions', 'B', 'x_2', 'conv_1'], random)
  else if (act === 1) delete one.type
  else if (value?.case !== 'tensorType') return
  else if (act === 2) value.value.elemType = random.below(20)
  else if (act === 3) delete value.value.shape
  else {
    const dim = value.value.shape?.dim
    if (dim && dim.length > 0) pick(dim, random).value = { case: 'dimValue', value: pick(BIG, random) }
  }
}
