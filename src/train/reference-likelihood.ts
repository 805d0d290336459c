import type { ImageInputs } from '../caption/caption-all.ts'
import type { ImageEntry } from '../data/dataset.ts'
import { batchShareOf } from '../distributed/shares.ts'
import { Team } from '../distributed/team.ts'
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
 * forcing without dropout and label smoothing. Unlike CIDEr it distinguishes models on a single image. A team shares
 * out the references.
 */
export async function referenceLogLikelihood(
  runtime: Runtime,
  model: CaptionModel,
  weights: ReadonlyMap<string, Initializer>,
  {
    inputs,
    images,
    vocabulary,
    team = new Team(),
  }: {
    readonly inputs: ImageInputs
    readonly images: readonly ImageEntry[]
    readonly vocabulary: Vocabulary
    readonly team?: Team
  },
): Promise<number> {
  const references = images.flatMap(({ id, tokens }) =>
    tokens.map((caption) => ({ id, words: vocabulary.encode(caption.split(' ')) })),
  )
  const steps = 1 + references.reduce((most, { words }) => Math.max(most, words.length), 0)
  const loss = captionLoss(model, { captions: 1, steps, objective: crossEntropy(0) })
  const graph = await CompiledGraph.load(runtime, { loss }, weights)
  const { rank, size } = team.ranks
  const { start, end } = batchShareOf(references.length, BATCH_SIZE, rank, size)
  try {
    const shares = await team.each(async (signal) => {
      const sums: { logLikelihood: number; words: number }[] = []
      for (let first = start; first < end; first += BATCH_SIZE) {
        signal.throwIfAborted()
        const batch = references.slice(first, Math.min(end, first + BATCH_SIZE))
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
        const words = packed.targets.length
        sums.push({ logLikelihood: -floatData(loss)[0]! * words, words })
      }
      return sums
    })
    const total = (of: 'logLikelihood' | 'words'): number => shares.flat().reduce((sum, each) => sum + each[of], 0)
    return total('logLikelihood') / total('words')
  } finally {
    graph.release()
  }
}
