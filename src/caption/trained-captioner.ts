import { UserError } from '../errors.ts'
import type { TensorData } from '../formats/safetensors.ts'
import type { CaptionModel } from '../models/contract.ts'
import { createCaptioner } from '../models/create-captioner.ts'
import type { Vocabulary } from '../text/vocabulary.ts'
import { describeSource, sameSource } from '../vision/feature-source.ts'
import type { Calibration } from './calibration.ts'
import { RUN_ADVICE, type RunConfig, usesConcepts } from './run-config.ts'
import type { StoredDetector } from './stored-detector.ts'
import { type Weights, weightsOf } from './weights.ts'

/** A trained captioner in memory, independent of where its files are stored. */
export interface TrainedCaptioner {
  /** the folder or address that it came from, for errors */
  readonly name: string
  readonly config: RunConfig
  readonly vocabulary: Vocabulary
  readonly model: CaptionModel
  readonly weights: Weights
  /** the detector of its concepts, for models that use them */
  readonly detector: StoredDetector | undefined
  /** from the mean probability of a caption's words to its confidence, for packaged captioners */
  readonly calibration: Calibration | undefined
}

/** The parts of a trained captioner as they were read. */
export interface CaptionerParts {
  readonly name: string
  readonly config: RunConfig
  readonly vocabulary: Vocabulary
  readonly weights: { readonly tensors: ReadonlyMap<string, TensorData>; readonly path: string }
  readonly detector: StoredDetector | undefined
  readonly calibration?: Calibration | undefined
}

/** Assembles a captioner. Throws UserError if a part does not fit the others. */
export function assembleCaptioner({
  name,
  config,
  vocabulary,
  weights,
  detector,
  calibration,
}: CaptionerParts): TrainedCaptioner {
  const fail = (why: string): never => {
    throw new UserError(`Cannot read run "${name}": ${why}; ${RUN_ADVICE}`)
  }
  if (vocabulary.size !== config.model.vocabularySize)
    fail(`vocabulary.json has ${vocabulary.size} words, the model in config.json ${config.model.vocabularySize}`)
  if (usesConcepts(config.model) && !detector) fail('its model uses concepts, and it has no concept detector')
  if (detector && config.model.concepts > detector.info.words.length)
    fail(`its model takes ${config.model.concepts} concepts, and its detector knows ${detector.info.words.length}`)
  if (detector && !sameSource(detector.info.features, config.features))
    fail(
      `its concept detector takes ${describeSource(detector.info.features)}, and its model ${describeSource(config.features)}`,
    )
  const model = createCaptioner(config.model)
  const advice = `the sizes are those of config.json; ${RUN_ADVICE}`
  return {
    name,
    config,
    vocabulary,
    model,
    weights: weightsOf(weights.tensors, model.parameters, `weights "${weights.path}"`, advice),
    detector,
    calibration,
  }
}
