import { fromBinary } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { BASIC_MODEL_NAMES } from '../../src/models/basic-models.ts'
import { createCaptioner } from '../../src/models/create-captioner.ts'
import { ModelProtoSchema, type NodeProto } from '../../src/onnx/pb.ts'
import { crossEntropy } from '../../src/train/objectives/cross-entropy.ts'
import { type Clipping, PUBLISHED_ADAM } from '../../src/train/optimizer.ts'
import { trainingStep } from '../../src/train/step.ts'

const tiny = {
  mia: true,
  iterations: 2,
  miaAttention: 'mutual' as const,
  miaForm: 'code' as const,
  conceptConfidences: false,
  regions: 3,
  paddedRegions: false,
  concepts: 3,
  featureSize: 6,
  vocabularySize: 9,
  hiddenSize: 8,
  numHeads: 2,
  innerSize: 8,
  attentionSize: 4,
  layers: 2,
  dropout: 0.1,
  miaDropout: 0.1,
}

/** The nodes that an output needs, its own among them. */
function needed(name: string, producers: ReadonlyMap<string, NodeProto>): Set<NodeProto> {
  const nodes = new Set<NodeProto>()
  const open = [name]
  while (open.length > 0) {
    const node = producers.get(open.pop()!)
    if (!node || nodes.has(node)) continue
    nodes.add(node)
    open.push(...node.input)
  }
  return nodes
}

const clippings: Clipping[] = [
  { kind: 'none' },
  { kind: 'value', limit: 0.1 },
  { kind: 'norm', limit: 1 },
  { kind: 'weight-clamp', limit: 0.1 },
]

for (const basicModel of BASIC_MODEL_NAMES)
  for (const clipping of clippings)
    test(`a step may write in place: a weight or moment is read only by what its new value waits for (${basicModel}, ${clipping.kind})`, () => {
      const model = createCaptioner({ ...tiny, basicModel })
      const options = { captions: 2, steps: 3, objective: crossEntropy(0.1), adam: PUBLISHED_ADAM, clipping }
      const { graph } = fromBinary(ModelProtoSchema, trainingStep(model, options))
      const producers = new Map(graph!.node.flatMap((node) => node.output.map((name) => [name, node] as const)))
      const next = graph!.output.map(({ name }) => name).filter((name) => name.startsWith('next.'))
      expect(next).toHaveLength(3 * model.parameters.size)
      for (const name of next) {
        const before = needed(name, producers)
        const readers = graph!.node.filter(({ input }) => input.includes(name.slice('next.'.length)))
        expect(readers.length).toBeGreaterThan(0)
        expect(readers.filter((reader) => !before.has(reader)).map((reader) => reader.name)).toEqual([])
      }
    })
