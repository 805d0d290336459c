import * as v from 'valibot'
import { UserError } from '../errors.ts'
import { BASIC_MODEL_NAMES, BASIC_MODELS } from '../models/basic-models.ts'
import { PUBLISHED_MODEL } from '../models/config.ts'
import { LIMITS } from '../models/limits.ts'
import { COUNT, validate } from '../validate.ts'
import { FEATURE_SOURCE_SCHEMA, hasBoxes } from '../vision/feature-source.ts'

/** An integer from 1 to the limit of a hyperparameter. */
const size = (name: keyof typeof LIMITS) => v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(LIMITS[name]))
/** An integer from 0 to the limit of a hyperparameter. */
const count = (name: keyof typeof LIMITS) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(LIMITS[name]))
const rate = v.pipe(v.number(), v.minValue(0), v.maxValue(1_000_000))
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1))
/** A dropout or a decay rate: 1 would keep or learn nothing. */
const fractionBelowOne = v.pipe(v.number(), v.minValue(0), v.ltValue(1))
/** What training minimises or maximises. */
const OBJECTIVE_SCHEMA = v.variant('kind', [
  v.object({ kind: v.literal('cross-entropy') }),
  v.object({
    kind: v.literal('self-critical'),
    /** what a sample's reward is compared with */
    baseline: v.picklist(['samples', 'greedy']),
    /** share of BLEU-4 in the reward; the rest is CIDEr-D */
    bleuReward: share,
  }),
])
const SCHEMA = v.object({
  format: v.literal('mia-run/2'),
  model: v.object({
    basicModel: v.picklist(BASIC_MODEL_NAMES),
    mia: v.boolean(),
    miaAttention: v.optional(v.picklist(['mutual', 'self']), PUBLISHED_MODEL.miaAttention),
    miaForm: v.optional(v.picklist(['code', 'figure']), PUBLISHED_MODEL.miaForm),
    conceptConfidences: v.optional(v.boolean(), PUBLISHED_MODEL.conceptConfidences),
    iterations: size('iterations'),
    regions: size('regions'),
    paddedRegions: v.optional(v.boolean(), false),
    concepts: size('concepts'),
    featureSize: size('featureSize'),
    vocabularySize: size('vocabularySize'),
    hiddenSize: size('hiddenSize'),
    numHeads: size('numHeads'),
    innerSize: size('innerSize'),
    attentionSize: size('attentionSize'),
    layers: v.optional(size('layers'), PUBLISHED_MODEL.layers),
    dropout: fractionBelowOne,
    miaDropout: fractionBelowOne,
  }),
  training: v.object({
    seed: COUNT,
    epochs: size('epochs'),
    /** captions in a batch, a multiple of `captionsPerImage` */
    batchSize: size('batchSize'),
    captionsPerImage: size('captionsPerImage'),
    /** augmented crops of each image */
    augmentations: v.optional(count('augmentations'), 0),
    learningRate: rate,
    learningRateDecayStart: count('learningRateDecayStart'),
    learningRateDecayEvery: size('learningRateDecayEvery'),
    /** steps in which the learning rate rises; 0: there is no warm-up */
    learningRateWarmup: v.optional(count('learningRateWarmup'), 0),
    labelSmoothing: share,
    objective: v.optional(OBJECTIVE_SCHEMA, { kind: 'cross-entropy' }),
    /** the run whose weights it began with */
    from: v.optional(v.object({ run: v.string(), sha256: v.string() })),
    /** the weights whose mean its weights are, with the share of each, of a run that is the average of others */
    averaged: v.optional(v.array(v.object({ weights: v.string(), share, sha256: v.string() }))),
    /** decay of the moving average of the weights, which is validated and kept; 0: the weights themselves are */
    emaDecay: v.optional(fractionBelowOne, 0),
    gradientClipping: v.variant('kind', [
      v.object({ kind: v.literal('none') }),
      v.object({ kind: v.picklist(['value', 'norm', 'weight-clamp']), limit: rate }),
    ]),
    adam: v.object({ beta1: fractionBelowOne, beta2: fractionBelowOne, epsilon: rate }),
    beam: size('beam'),
    maxLength: size('maxLength'),
  }),
  /** the dataset it was trained on, and where that was */
  data: v.object({ name: v.string(), folder: v.string() }),
  features: FEATURE_SOURCE_SCHEMA,
})

/** The configuration of a run: its hyperparameters and inputs; `config.json` in its folder. */
export type RunConfig = Omit<v.InferOutput<typeof SCHEMA>, 'format'>

/** What to do about a file of a run that is not as it should be. */
export const RUN_ADVICE = 'it should be as "mia train" wrote it'

/**
 * A run's configuration from parsed JSON; `path` names its file in errors. Throws UserError, naming the field, for any
 * other value, and where two fields contradict each other.
 */
export function parseRunConfig(value: unknown, path: string): RunConfig {
  const { format: _, ...config } = validate(SCHEMA, upgraded(value), path, RUN_ADVICE)
  const { model, training, features } = config
  const agree = (field: string, is: unknown, wanted: string, fits: boolean): void => {
    if (!fits) throw new UserError(`Cannot read "${path}": ${field} is ${is} and should be ${wanted}; ${RUN_ADVICE}`)
  }
  agree(
    'model.hiddenSize',
    model.hiddenSize,
    `a multiple of model.numHeads, ${model.numHeads}`,
    model.hiddenSize % model.numHeads === 0,
  )
  agree(
    'training.batchSize',
    training.batchSize,
    `a multiple of training.captionsPerImage, ${training.captionsPerImage}`,
    training.batchSize % training.captionsPerImage === 0,
  )
  agree('model.regions', model.regions, `features.regions, ${features.regions}`, model.regions === features.regions)
  agree('model.featureSize', model.featureSize, `features.size, ${features.size}`, model.featureSize === features.size)
  agree(
    'model.paddedRegions',
    model.paddedRegions,
    `${hasBoxes(features)} for these features`,
    model.paddedRegions === hasBoxes(features),
  )
  return config
}

/** A run's configuration as the JSON that parseRunConfig() reads. */
export const formatRunConfig = (config: RunConfig): string =>
  `${JSON.stringify({ format: 'mia-run/2', ...config }, null, 2)}\n`

/** Whether a model uses concepts at all. */
export function usesConcepts({ basicModel, mia }: Pick<RunConfig['model'], 'basicModel' | 'mia'>): boolean {
  return mia || BASIC_MODELS[basicModel].streams.includes('textual')
}

/** The field names of `mia-run/1` in version 0.1.0, and their present names. */
const EARLIER_NAMES = {
  model: { dModel: 'hiddenSize', dInner: 'innerSize' },
  training: {
    decayStart: 'learningRateDecayStart',
    halving: 'learningRateDecayEvery',
    averageDecay: 'emaDecay',
    clipping: 'gradientClipping',
    views: 'augmentations',
  },
} as const

/**
 * A configuration under the names of today: of format `mia-run/1`, and of `mia-run/2` with `imagesPerBatch` instead of
 * `batchSize`. Any other value is returned as it is.
 */
function upgraded(value: unknown): unknown {
  if (!isObject(value)) return value
  const config: { format?: unknown; model?: unknown; training?: unknown } = value
  const isFirst = config.format === 'mia-run/1'
  const names = isFirst ? EARLIER_NAMES : { model: {}, training: {} }
  return {
    ...config,
    ...(isFirst && { format: 'mia-run/2' }),
    ...(isObject(config.model) && { model: renamed(config.model, names.model) }),
    ...(isObject(config.training) && { training: withBatchSize(renamed(config.training, names.training)) }),
  }
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const renamed = (fields: object, names: Readonly<Record<string, string>>): object =>
  Object.fromEntries(Object.entries(fields).map(([name, field]) => [names[name] ?? name, field]))

/** Version 0.1.0 counted a batch's images. */
function withBatchSize(training: { imagesPerBatch?: unknown; captionsPerImage?: unknown }): object {
  const { imagesPerBatch, ...rest } = training
  return typeof imagesPerBatch === 'number' && typeof rest.captionsPerImage === 'number'
    ? { batchSize: imagesPerBatch * rest.captionsPerImage, ...rest }
    : training
}
