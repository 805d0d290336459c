import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import ort from 'onnxruntime-node'
import { ModelProtoSchema, type NodeProto } from '../../src/onnx/pb.ts'
import { temporaryFolder } from '../support/folder.ts'

const ERRORS_ONLY = 3

/** The nodes that ONNX Runtime is left with after its graph optimisations; with `all` as our sessions apply them. */
export async function optimized(model: Uint8Array, level: 'extended' | 'all' = 'all'): Promise<NodeProto[]> {
  const optimizedModelFilePath = join(await temporaryFolder(), 'optimized.onnx')
  const session = await ort.InferenceSession.create(model, {
    optimizedModelFilePath,
    graphOptimizationLevel: level,
    logSeverityLevel: ERRORS_ONLY,
  })
  await session.release()
  return fromBinary(ModelProtoSchema, await readFile(optimizedModelFilePath)).graph!.node
}

/** The nodes that a tensor depends on. */
export function dependencies(nodes: readonly NodeProto[], tensor: string): Set<NodeProto> {
  const found = new Set<NodeProto>()
  const wanted = [tensor]
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop())
    for (const node of nodes.filter(({ output }) => output.includes(name!)))
      if (!found.has(node)) {
        found.add(node)
        wanted.push(...node.input)
      }
  return found
}
