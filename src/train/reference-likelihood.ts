import type { ImageInputs } from '../caption/caption-all.ts'
import type { ImageEntry } from '../data/dataset.ts'
import { CompiledGraph } from '../engine/compiled.ts'
import { floatData, type Runtime } from '../engine/session.ts'
import { ints } from '../formats/host-value.ts'
import type { CaptionModel } from '../models/contract.ts'
import { imageValues } from '../models/inputs.ts'
import type { Initializer } from '../onnx/export.ts'
import type { Vocabulary } from '../text/vocabulary.ts'
import { crossEntropy } from './objectives/cross-entropy.ts'
import { packCaptions } from './pack-captions.ts'
import { captionLoss } from './step.ts'

/** References scored together. */
const BATCH_SIZE = 80

/**
 * The mean log-likelihood of all references of some images under a model, in nats per word, `<end>` included: teacher
 * forcing without dropout and label smoothing. Unlike CIDEr it distinguishes models on a single image.
 */
export async function referenceLogLikelihood(
  runtime: Runtime,
  model: CaptionModel,
  weights: ReadonlyMap<string, Initializer>,
  {
    inputs,
    images,
    vocabulary,
    signal,
  }: {
    readonly inputs: ImageInputs
    readonly images: readonly ImageEntry[]
    readonly vocabulary: Vocabulary
    readonly signal?: AbortSignal | undefined
  },
): Promise<number> {
  const references = images.flatMap(({ id, tokens }) =>
    tokens.map((caption) => ({ id, words: vocabulary.encode(caption.split(' ')) })),
  )
  const steps = 1 + references.reduce((most, { words }) => Math.max(most, words.length), 0)
  const loss = captionLoss(model, { captions: 1, steps, objective: crossEntropy(0) })
  const graph = await CompiledGraph.load(runtime, { loss }, weights)
  try {
    let total = 0
    let count = 0
    for (let start = 0; start < references.length; start += BATCH_SIZE) {
      signal?.throwIfAborted()
      const batch = references.slice(start, start + BATCH_SIZE)
      const ids = batch.map(({ id }) => id)
      const packed = packCaptions(
        batch.map(({ words }) => words),
        steps,
        1,
      )
      const { loss } = await graph.run({
        ...imageValues(model.inputs, await inputs.features(ids), inputs.concepts(ids)),
        words: ints(packed.inputs, [steps, batch.length]),
        targets: ints(packed.targets),
        positions: ints(packed.positions),
      })
      total -= floatData(loss)[0]! * packed.targets.length
      count += packed.targets.length
    }
    return total / count
  } finally {
    graph.release()
  }
}
