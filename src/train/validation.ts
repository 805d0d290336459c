import { captionAll, type ImageInputs } from '../caption/caption-all.ts'
import type { RunConfig } from '../caption/run-config.ts'
import type { ImageEntry } from '../data/dataset.ts'
import type { Engine } from '../engine/engine.ts'
import { scoreCaptions } from '../evaluation/score.ts'
import type { HostValue } from '../formats/host-value.ts'
import { METRICS } from '../metrics/index.ts'
import type { LstmCaptioner } from '../models/lstm/captioner.ts'
import { ModelDecoder } from '../search/model-stepper.ts'
import type { Vocabulary } from '../text/vocabulary.ts'

/** Images whose captions are kept each epoch, for a look. */
const SAMPLES = 20

export interface Validation {
  readonly scores: Readonly<Record<string, number>>
  readonly cider: number
  readonly samples: readonly { id: string; caption: string; cider: number; references: readonly string[] }[]
}

/** Captions the validation images by the weights as they are, as a test would, and scores the captions. */
export async function validateCaptioner(
  engine: Engine,
  model: LstmCaptioner,
  weights: ReadonlyMap<string, HostValue>,
  {
    inputs,
    images,
    vocabulary,
    training,
    signal,
  }: {
    inputs: ImageInputs
    images: readonly ImageEntry[]
    vocabulary: Vocabulary
    training: RunConfig['training']
    signal?: AbortSignal | undefined
  },
): Promise<Validation> {
  const decoder = await ModelDecoder.load(engine.runtime, model, weights)
  try {
    const { beam, maxLength } = training
    const ids = images.map(({ id }) => id)
    const captions = await captionAll(decoder, inputs, ids, { vocabulary, beam, maxLength, ...(signal && { signal }) })
    const { corpus, cider } = scoreCaptions(images, captions, METRICS)
    const samples = captions
      .slice(0, SAMPLES)
      .map(({ id, caption }, i) => ({ id, caption, cider: cider[i]!, references: images[i]!.tokens }))
    return { scores: corpus as Record<string, number>, cider: corpus.CIDEr!, samples }
  } finally {
    await decoder.release()
  }
}
