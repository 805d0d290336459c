import type { ImageCaption, ImageInputs } from '../caption/caption-all.ts'
import type { RunConfig } from '../caption/run-config.ts'
import type { ImageEntry } from '../data/dataset.ts'
import { fromRankZero } from '../distributed/messages.ts'
import { amongRanks } from '../distributed/sharing.ts'
import { Team } from '../distributed/team.ts'
import type { Runtime } from '../engine/session.ts'
import { captionShared } from '../evaluation/caption-shared.ts'
import { SCORING_SECONDS, scoreCaptions } from '../evaluation/score.ts'
import { METRICS } from '../metrics/index.ts'
import type { CaptionModel } from '../models/contract.ts'
import type { Initializer } from '../onnx/export.ts'
import { ModelDecoder } from '../search/model-stepper.ts'
import type { Vocabulary } from '../text/vocabulary.ts'
import type { Validation } from './loop.ts'

/** The images whose captions are written to the run's folder after each epoch. */
const SAMPLES = 20

/** The validation of a captioner; the score is CIDEr. */
export interface CaptionerValidation extends Validation {
  /** corpus scores by metric */
  readonly scores: Readonly<Record<string, number>>
  /** the first captions, each with the probability of each word, its CIDEr and the image's references */
  readonly samples: readonly {
    readonly id: string
    readonly caption: string
    readonly probabilities: readonly number[]
    readonly cider: number
    readonly references: readonly string[]
  }[]
}

/**
 * Captions the validation images by beam search, as `mia test` does, and scores the captions. A team shares out the
 * images, and rank 0 scores.
 */
export async function validateCaptioner(
  runtime: Runtime,
  model: CaptionModel,
  weights: ReadonlyMap<string, Initializer>,
  {
    inputs,
    images,
    vocabulary,
    training,
    team = new Team(),
  }: {
    readonly inputs: ImageInputs
    readonly images: readonly ImageEntry[]
    readonly vocabulary: Vocabulary
    readonly training: Pick<RunConfig['training'], 'beam' | 'maxLength'>
    readonly team?: Team
  },
): Promise<CaptionerValidation> {
  const decoder = await ModelDecoder.load(runtime, model, weights)
  try {
    const { beam, maxLength } = training
    const ids = images.map(({ id }) => id)
    const captions = await captionShared(
      decoder,
      inputs,
      ids,
      { vocabulary, search: { beam, maxLength } },
      amongRanks(team),
    )
    if (captions) team.ranks.busy(SCORING_SECONDS)
    return await fromRankZero(team.ranks, captions && scored(images, captions))
  } finally {
    await decoder.release()
  }
}

function scored(images: readonly ImageEntry[], captions: readonly ImageCaption[]): CaptionerValidation {
  const { corpus, byDataset, cider } = scoreCaptions(images, captions, METRICS)
  const samples = captions.slice(0, SAMPLES).map(({ id, caption, wordLogProbs }, i) => ({
    id,
    caption,
    probabilities: wordLogProbs.map(Math.exp),
    cider: cider[i]!,
    references: images[i]!.tokens,
  }))
  return { score: corpus.CIDEr!, scores: { ...(corpus as Record<string, number>), ...byDataset }, samples }
}
