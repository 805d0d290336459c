import * as v from 'valibot'
import { UserError } from '../errors.ts'
import { PUBLISHED_MODEL } from '../models/config.ts'
import { BASIC_MODELS, type BasicModelName } from '../models/lstm/basic-models.ts'
import { COUNT, validate } from '../validate.ts'
import { featureSourceSchema, hasBoxes } from '../vision/feature-source.ts'

/** Far beyond any model that is trained; a damaged number must not ask for all memory or never end. */
const size = (most: number) => v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(most))
const rate = v.pipe(v.number(), v.minValue(0))
/** A fraction that leaves something: of dropout. */
const fraction = v.pipe(v.number(), v.minValue(0), v.ltValue(1))
const schema = v.object({
  format: v.literal('mia-run/2'),
  model: v.object({
    basicModel: v.picklist(Object.keys(BASIC_MODELS) as BasicModelName[]),
    mia: v.boolean(),
    miaAttention: v.optional(v.picklist(['mutual', 'self']), PUBLISHED_MODEL.miaAttention),
    miaForm: v.optional(v.picklist(['code', 'figure']), PUBLISHED_MODEL.miaForm),
    iterations: size(100),
    regions: size(10_000),
    paddedRegions: v.optional(v.boolean(), false),
    concepts: size(10_000),
    featureSize: size(1_000_000),
    vocabularySize: size(10_000_000),
    hiddenSize: size(65_536),
    numHeads: size(65_536),
    innerSize: size(1_000_000),
    attentionSize: size(65_536),
    dropout: fraction,
    miaDropout: fraction,
  }),
  training: v.object({
    seed: COUNT,
    epochs: size(1_000_000),
    imagesPerBatch: size(1_000_000),
    captionsPerImage: size(10_000),
    /** crops of each picture that it trains on beside the picture itself */
    augmentations: v.optional(COUNT, 0),
    learningRate: rate,
    learningRateDecayStart: COUNT,
    learningRateDecayEvery: size(1_000_000),
    labelSmoothing: rate,
    /** decay of the moving average of the weights, which is validated and kept; 0: the weights themselves are */
    emaDecay: v.optional(rate, 0),
    gradientClipping: v.variant('kind', [
      v.object({ kind: v.literal('none') }),
      v.object({ kind: v.picklist(['value', 'norm', 'weight-clamp']), limit: rate }),
    ]),
    adam: v.object({ beta1: rate, beta2: rate, epsilon: rate }),
    beam: size(10_000),
    maxLength: size(10_000),
  }),
  /** the dataset it was trained on, and where that was */
  data: v.object({ name: v.string(), folder: v.string() }),
  features: featureSourceSchema,
})

/** Everything that decides what a run computes; `config.json` in its folder. */
export type RunConfig = Omit<v.InferOutput<typeof schema>, 'format'>

/** What to do about a file of a run that is not as it should be. */
export const RUN_ADVICE = 'it should be as "mia train" wrote it'

/**
 * A run's configuration from parsed JSON; `path` names its file in errors. Throws UserError, naming the field, for any
 * other value, and where two fields contradict each other.
 */
export function parseRunConfig(value: unknown, path: string): RunConfig {
  const { format: _, ...config } = validate(schema, upgraded(value), path, RUN_ADVICE)
  const { model, features } = config
  const agree = (field: string, is: unknown, wanted: string, fits: boolean): void => {
    if (!fits) throw new UserError(`Cannot read "${path}": ${field} is ${is} and should be ${wanted}; ${RUN_ADVICE}`)
  }
  agree(
    'model.hiddenSize',
    model.hiddenSize,
    `a multiple of model.numHeads, ${model.numHeads}`,
    model.hiddenSize % model.numHeads === 0,
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
  const streams: readonly (string | undefined)[] = Object.values(BASIC_MODELS[basicModel])
  return mia || streams.includes('textual')
}

/** The names of version 0.1.0's `mia-run/1`, and what they are called now. */
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

/** A configuration in format `mia-run/1` under the names of `mia-run/2`; any other value as it is. */
function upgraded(value: unknown): unknown {
  const config = value as { format?: unknown; model?: object; training?: object } | null
  if (config?.format !== 'mia-run/1') return value
  const renamed = (fields: object | undefined, names: Readonly<Record<string, string>>): object =>
    Object.fromEntries(Object.entries(fields ?? {}).map(([name, field]) => [names[name] ?? name, field]))
  return {
    ...config,
    format: 'mia-run/2',
    model: renamed(config.model, EARLIER_NAMES.model),
    training: renamed(config.training, EARLIER_NAMES.training),
  }
}
