import * as v from 'valibot'
import { PUBLISHED_MODEL } from '../models/config.ts'
import { BASIC_MODELS, type BasicModelName } from '../models/lstm/basic-models.ts'
import { validate } from '../validate.ts'
import { featureSourceSchema } from '../vision/feature-source.ts'

const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const positive = v.pipe(v.number(), v.integer(), v.minValue(1))
const rate = v.pipe(v.number(), v.minValue(0))
const schema = v.object({
  format: v.literal('mia-run/2'),
  model: v.object({
    basicModel: v.picklist(Object.keys(BASIC_MODELS) as BasicModelName[]),
    mia: v.boolean(),
    miaAttention: v.optional(v.picklist(['mutual', 'self']), PUBLISHED_MODEL.miaAttention),
    miaForm: v.optional(v.picklist(['code', 'figure']), PUBLISHED_MODEL.miaForm),
    iterations: positive,
    regions: positive,
    paddedRegions: v.optional(v.boolean(), false),
    concepts: positive,
    featureSize: positive,
    vocabularySize: positive,
    hiddenSize: positive,
    numHeads: positive,
    innerSize: positive,
    attentionSize: positive,
    dropout: rate,
    miaDropout: rate,
  }),
  training: v.object({
    seed: count,
    epochs: positive,
    imagesPerBatch: positive,
    captionsPerImage: positive,
    /** how many further augmentations of its pictures it trains on, beside the pictures themselves */
    augmentations: v.optional(count, 0),
    learningRate: rate,
    learningRateDecayStart: count,
    learningRateDecayEvery: positive,
    labelSmoothing: rate,
    /** what a step leaves of the moving average of the weights, which is what is validated and kept; 0: the weights themselves are */
    emaDecay: v.optional(rate, 0),
    gradientClipping: v.variant('kind', [
      v.object({ kind: v.literal('none') }),
      v.object({ kind: v.picklist(['value', 'norm', 'weight-clamp']), limit: rate }),
    ]),
    adam: v.object({ beta1: rate, beta2: rate, epsilon: rate }),
    beam: positive,
    maxLength: positive,
  }),
  /** the dataset it was trained on, and where that was */
  data: v.object({ name: v.string(), folder: v.string() }),
  features: featureSourceSchema,
})

/** Everything that decides what a run computes; `config.json` in its folder. */
export type RunConfig = Omit<v.InferOutput<typeof schema>, 'format'>

/** What to do about a file of a run that is not as it should be. */
export const RUN_ADVICE = 'it should be as "mia train" wrote it'

/** A run's configuration from parsed JSON; `path` names its file in errors. Throws UserError, naming the field, for any other value. */
export function parseRunConfig(value: unknown, path: string): RunConfig {
  const { format: _, ...config } = validate(schema, upgraded(value), path, RUN_ADVICE)
  return config
}

/** A run's configuration as the JSON that parseRunConfig() reads. */
export const formatRunConfig = (config: RunConfig): string =>
  `${JSON.stringify({ format: 'mia-run/2', ...config }, null, 2)}\n`

/** Does a model look at concepts at all? */
export function usesConcepts({ basicModel, mia }: Pick<RunConfig['model'], 'basicModel' | 'mia'>): boolean {
  return mia || Object.values(BASIC_MODELS[basicModel]).includes('textual' as never)
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
