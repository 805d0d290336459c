import { fileURLToPath } from 'node:url'
import { nodeEngine } from '../../../src/hosts/node/engine.ts'
import { tuneNetwork } from '../../../src/train/tuning/tune-network.ts'
import type { Tuning, TuningEpoch, TuningOptions } from '../../../src/train/tuning/tuning-options.ts'
import type { TuningScores } from '../../../src/train/tuning/tuning-validation.ts'

/** A small ResNet. */
export const resnet = fileURLToPath(new URL('../../fixtures/tuning/resnet.onnx', import.meta.url))
/** The tensor before its layers 1 and 2. */
export const FREEZE = '/pool/MaxPool_output_0'

/** Options of tuneNetwork(); training aborts after `stopAfter` steps. */
type Choices = Partial<TuningOptions> & Pick<TuningOptions, 'data' | 'out'> & { readonly stopAfter?: number }

/** Tunes layers 1 and 2 of the ResNet; `tuned` is undefined if it was aborted. */
export async function tuneResnet({
  stopAfter = Number.POSITIVE_INFINITY,
  ...choices
}: Choices): Promise<{ before: TuningScores | undefined; epochs: TuningEpoch[]; tuned: Tuning | undefined }> {
  const epochs: TuningEpoch[] = []
  let before: TuningScores | undefined
  const controller = new AbortController()
  const tuned = await tuneNetwork({
    engine: nodeEngine,
    images: [],
    network: { file: resnet },
    freeze: FREEZE,
    storedViews: 0,
    epochs: 2,
    newLayersFirst: 0,
    learningRate: 1e-3,
    newLearningRate: 1e-2,
    batchSize: 10,
    imagesAtOnce: 10,
    seed: 1,
    onStart: (scores) => {
      before = scores
    },
    onEpoch: (epoch) => epochs.push(epoch),
    onProgress: (done) => done >= stopAfter && controller.abort(),
    signal: controller.signal,
    ...choices,
  }).catch((error) => {
    if (error !== controller.signal.reason) throw error
    return undefined
  })
  return { before, epochs, tuned }
}
