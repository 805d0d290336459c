import { UserError } from '../errors.ts'
import { type GraphProto, type TensorProto, TensorProto_DataLocation } from './pb.ts'

/** The most bytes of a model in memory: protobuf counts them in 31 bits. */
const MAX_BYTES = 2 ** 31 - 1

/** The tensors of a graph and its subgraphs that are stored as weights. */
function tensorsOf({ initializer, node }: GraphProto): TensorProto[] {
  const inNodes = node.flatMap(({ attribute }) =>
    attribute.flatMap(({ t, tensors, g, graphs }) => [
      ...(t ? [t] : []),
      ...tensors,
      ...(g ? tensorsOf(g) : []),
      ...graphs.flatMap(tensorsOf),
    ]),
  )
  return [...initializer, ...inNodes]
}

const isExternal = ({ dataLocation }: TensorProto): boolean => dataLocation === TensorProto_DataLocation.EXTERNAL

const entry = ({ externalData }: TensorProto, key: string): string | undefined =>
  externalData.find((each) => each.key === key)?.value

/**
 * The files that a graph keeps its weights in, relative to the model's folder, in alphabetical order. Throws UserError,
 * without the model's file, if one is outside that folder.
 */
export function externalFiles(graph: GraphProto): string[] {
  const files = tensorsOf(graph)
    .filter(isExternal)
    .map((tensor) => entry(tensor, 'location') ?? '')
  for (const file of files)
    if (file === '' || /^([/\\]|[a-z]:)|(^|[/\\])\.\.([/\\]|$)|^\*/i.test(file))
      throw new UserError(
        `its weights are in "${file}", which is not in its folder; save the model again, with its weights in the same folder`,
      )
  return [...new Set(files)].sort()
}

/**
 * Puts the weights that a graph keeps in other files into the graph. Throws UserError, without the model's file, if a
 * file is too short, or if the graph becomes too large for ONNX.
 */
export function storeExternalData(graph: GraphProto, files: ReadonlyMap<string, Uint8Array>): void {
  let total = 0
  for (const tensor of tensorsOf(graph).filter(isExternal)) {
    const location = entry(tensor, 'location') ?? ''
    const file = files.get(location)!
    const [offset, length] = [Number(entry(tensor, 'offset') ?? 0), entry(tensor, 'length')]
    const end = length === undefined ? file.length : offset + Number(length)
    if (!(offset >= 0 && offset <= end && end <= file.length))
      throw new UserError(
        `its weights "${tensor.name}" end at byte ${end} of "${location}", which has ${file.length}; copy that file again`,
      )
    tensor.rawData = file.subarray(offset, end) as Uint8Array<ArrayBuffer>
    tensor.dataLocation = TensorProto_DataLocation.DEFAULT
    tensor.externalData = []
    total += end - offset
  }
  if (total > MAX_BYTES)
    throw new UserError(
      `its weights have ${(total / 2 ** 30).toFixed(1)} GiB; at most 2 can be used: export it in float16, or choose a smaller network`,
    )
}
