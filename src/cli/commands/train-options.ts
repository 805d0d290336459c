import type { RunConfig } from '../../caption/run-config.ts'
import { UsageError } from '../../errors.ts'
import { BASIC_MODEL_NAMES, BASIC_MODELS } from '../../models/basic-models.ts'
import { PUBLISHED_MODEL } from '../../models/config.ts'
import { LIMITS } from '../../models/limits.ts'
import type { RunChoices } from '../../train/configure.ts'
import { GRADIENT_TYPES, PUBLISHED_ADAM, PUBLISHED_TRAINING, SELF_CRITICAL } from '../../train/hyperparameters.ts'
import { PUBLISHED_SCHEDULE } from '../../train/schedule.ts'
import type { Values } from '../command.ts'
import { choice, count, flag, fraction, fractionBelowOne, optionName, positive, rate, seed, text } from '../options.ts'
import { BEAM, DEVICE, MAX_LENGTH, REPRODUCE } from '../shared-options.ts'

const DATA = { group: 'Data and run' } as const
const MODEL = { group: 'Model' } as const
const MIA = { group: 'MIA' } as const
const TRAINING = { group: 'Training' } as const
const SELF_CRITICAL_GROUP = { group: 'Self-critical training' } as const
const VALIDATION = { group: 'Validation' } as const
/** The settings of options whose limit and published value are in the tables, by the hyperparameter's name. */
const PUBLISHED = { ...PUBLISHED_MODEL, ...PUBLISHED_TRAINING, ...PUBLISHED_SCHEDULE, ...PUBLISHED_ADAM }
const published = <N extends keyof typeof PUBLISHED>(name: N) =>
  ({ default: PUBLISHED[name], ...(name in LIMITS && { max: LIMITS[name as keyof typeof LIMITS] }) }) as const

/** The default of a hyperparameter in which models differ, for its help. */
const differing = (name: 'attentionSize' | 'dropout'): string => {
  const others = Object.entries(BASIC_MODELS).flatMap(([model, { published: own }]) =>
    own?.[name] === undefined ? [] : [`, for ${model} ${own[name]}`],
  )
  return `default: ${PUBLISHED_MODEL[name]}${others.join('')}`
}

/** The options of `mia train`. The defaults are the published hyperparameters. */
export const options = {
  data: text('folder', 'dataset folder with features, and with concepts for models that use them', DATA),
  out: text('folder', 'run folder to write', { required: true, ...DATA }),
  from: text(
    'run',
    'run to continue: the new run has its model, and begins with its best weights; the dataset must have the same ' +
      'vocabulary and features',
    DATA,
  ),
  resume: flag('resume the run in --out; it keeps its options, so no others are needed', DATA),
  seed: seed('n', 'random seed; the same seed gives the same weights', { default: 1, ...DATA }),
  device: { ...DEVICE, settings: DATA },
  gradientType: choice(
    'type',
    'how ranks of MPI send each other gradients; float16 halves the bytes and rounds each to 11 bits',
    GRADIENT_TYPES,
    { default: 'float32', ...DATA },
  ),

  basicModel: choice(
    'name',
    'an LSTM, by what it attends to: regions, concepts, nothing (VisualCondition gets the mean region at every word, ' +
      'ConceptCondition the mean concept), or detected objects (VisualRegionalAttention); two LSTMs (UpDown); or a ' +
      'Transformer',
    BASIC_MODEL_NAMES,
    { default: 'VisualAttention', ...MODEL },
  ),
  mia: flag('refine regions and concepts by Mutual Iterative Attention', MODEL),
  hiddenSize: positive('n', 'size of embeddings and hidden states', { ...published('hiddenSize'), ...MODEL }),
  // No defaults: these differ between models.
  attentionSize: positive('n', `hidden size of the decoder's attention (${differing('attentionSize')})`, {
    max: LIMITS.attentionSize,
    ...MODEL,
  }),
  dropout: fractionBelowOne('p', `dropout of encoder and decoder (${differing('dropout')})`, MODEL),
  layers: positive('n', "layers of the Transformer's encoder, and of its decoder", {
    ...published('layers'),
    ...MODEL,
  }),
  numHeads: positive('n', 'attention heads of the Transformer and of MIA', { ...published('numHeads'), ...MODEL }),
  innerSize: positive('n', 'inner size of the feed-forward layers of the Transformer and of MIA', {
    ...published('innerSize'),
    ...MODEL,
  }),

  iterations: positive('n', 'iterations of mutual attention', { ...published('iterations'), ...MIA }),
  concepts: positive(
    'n',
    'concepts per image (default: the number of regions, or as many as "mia concepts detect" found if these are fewer)',
    { max: LIMITS.concepts, ...MIA },
  ),
  conceptConfidences: flag("give the model the detector's confidence in each concept, in ten levels", MIA),
  miaDropout: fractionBelowOne('p', 'dropout', { ...published('miaDropout'), ...MIA }),

  // No default: with --resume, a run without --epochs keeps its number.
  epochs: positive('n', `epochs (default: ${PUBLISHED_TRAINING.epochs})`, { max: LIMITS.epochs, ...TRAINING }),
  batchSize: positive('captions', 'captions per step', { ...published('batchSize'), ...TRAINING }),
  captionsPerImage: positive('n', 'captions of the same image per step', {
    ...published('captionsPerImage'),
    ...TRAINING,
  }),
  augmentations: count(
    'n',
    'augmentations of each image to train on besides the image itself; "mia features --augmentations" extracts them',
    { default: 0, max: LIMITS.augmentations, ...TRAINING },
  ),
  // No default: it depends on the objective.
  learningRate: rate(
    'rate',
    `Adam's learning rate (default: ${PUBLISHED_SCHEDULE.learningRate}; ${SELF_CRITICAL.learningRate} if self-critical)`,
    TRAINING,
  ),
  learningRateDecayStart: count('epoch', 'last epoch with the full learning rate', {
    ...published('learningRateDecayStart'),
    ...TRAINING,
  }),
  learningRateDecayEvery: positive('epochs', 'epochs in which the learning rate then halves', {
    ...published('learningRateDecayEvery'),
    ...TRAINING,
  }),
  learningRateWarmup: count(
    'steps',
    'steps in which the learning rate rises to --learning-rate; it then falls with the root of the step, whatever the ' +
      'epoch (Vaswani et al. 2017); 0 turns it off',
    { ...published('learningRateWarmup'), ...TRAINING },
  ),
  beta1: fractionBelowOne('p', "decay rate of Adam's first moment", { ...published('beta1'), ...TRAINING }),
  beta2: fractionBelowOne('p', "decay rate of Adam's second moment", { ...published('beta2'), ...TRAINING }),
  objective: choice(
    'name',
    'cross-entropy of the references, or self-critical: the CIDEr-D of captions that the model samples, for a model ' +
      'that --from has trained on cross-entropy',
    ['cross-entropy', 'self-critical'],
    { default: PUBLISHED_TRAINING.objective.kind, ...TRAINING },
  ),
  baseline: choice(
    'how',
    "what a sample's reward is compared with: the mean of the image's other samples (--captions-per-image), or the " +
      'greedy caption',
    ['samples', 'greedy'],
    { default: SELF_CRITICAL.baseline, ...SELF_CRITICAL_GROUP },
  ),
  bleuReward: fraction('p', 'share of BLEU-4 in the reward; the rest is CIDEr-D', {
    default: SELF_CRITICAL.bleuReward,
    ...SELF_CRITICAL_GROUP,
  }),
  labelSmoothing: fraction('p', 'target probability shared by all other words', {
    ...published('labelSmoothing'),
    ...TRAINING,
  }),
  emaDecay: fractionBelowOne(
    'p',
    'validate and save an exponential moving average of the weights with this decay rate per step, such as 0.999; ' +
      '0 turns it off',
    { default: 0, ...TRAINING },
  ),
  gradientClipping: choice(
    'how',
    'clip gradients by value or by norm; weight-clamp clamps the weights instead, as the published code does',
    ['value', 'norm', 'weight-clamp', 'none'],
    { default: PUBLISHED_TRAINING.gradientClipping.kind, ...TRAINING },
  ),
  gradientClippingLimit: rate('limit', 'limit of the clipping', {
    default: PUBLISHED_TRAINING.gradientClipping.limit,
    ...TRAINING,
  }),

  beam: { ...BEAM, settings: { ...BEAM.settings, ...VALIDATION } },
  maxLength: { ...MAX_LENGTH, settings: { ...MAX_LENGTH.settings, ...VALIDATION } },

  miaForm: choice(
    'form',
    "Add & Norm around the layers of MIA: on the visual branch only, as in the published code, or on both, as in the paper's figure",
    ['code', 'figure'],
    { ...published('miaForm'), ...REPRODUCE },
  ),
  miaAttention: choice(
    'how',
    'mutual attention, or as a control experiment self-attention with as many weights',
    ['mutual', 'self'],
    { ...published('miaAttention'), ...REPRODUCE },
  ),
} as const

/** The values of the options of `mia train`. */
export type TrainValues = Values<typeof options>

/** The configuration of a new run on the dataset in `data`, as far as options choose it. */
export function choicesOf(data: string, values: TrainValues): RunChoices {
  const selfCritical = values.objective === 'self-critical'
  const defaults = { ...PUBLISHED_MODEL, ...BASIC_MODELS[values.basicModel].published }
  return {
    data,
    model: {
      basicModel: values.basicModel,
      mia: values.mia,
      iterations: values.iterations,
      miaAttention: values.miaAttention,
      miaForm: values.miaForm,
      concepts: values.concepts,
      conceptConfidences: values.conceptConfidences,
      hiddenSize: values.hiddenSize,
      numHeads: values.numHeads,
      innerSize: values.innerSize,
      attentionSize: values.attentionSize ?? defaults.attentionSize,
      layers: values.layers,
      dropout: values.dropout ?? defaults.dropout,
      miaDropout: values.miaDropout,
    },
    training: {
      seed: values.seed,
      epochs: values.epochs ?? PUBLISHED_TRAINING.epochs,
      batchSize: values.batchSize,
      captionsPerImage: values.captionsPerImage,
      augmentations: values.augmentations,
      learningRate:
        values.learningRate ?? (selfCritical ? SELF_CRITICAL.learningRate : PUBLISHED_SCHEDULE.learningRate),
      learningRateDecayStart: values.learningRateDecayStart,
      learningRateDecayEvery: values.learningRateDecayEvery,
      learningRateWarmup: values.learningRateWarmup,
      labelSmoothing: selfCritical ? 0 : values.labelSmoothing,
      objective: selfCritical
        ? { kind: 'self-critical', baseline: values.baseline, bleuReward: values.bleuReward }
        : { kind: 'cross-entropy' },
      emaDecay: values.emaDecay,
      gradientClipping:
        values.gradientClipping === 'none'
          ? { kind: 'none' }
          : { kind: values.gradientClipping, limit: values.gradientClippingLimit },
      adam: { beta1: values.beta1, beta2: values.beta2, epsilon: PUBLISHED_ADAM.epsilon },
      beam: values.beam,
      maxLength: values.maxLength,
    },
  }
}

/**
 * The configuration of a new run that continues another one, whose configuration is `before`: its model, but for the
 * dropout rates, if `given` has them. Throws UsageError for another option of the model.
 */
export function choicesFrom(
  data: string,
  values: TrainValues,
  { before, given }: { readonly before: RunConfig; readonly given: readonly string[] },
): RunChoices {
  const fixed = given.find((name) => name in before.model && !DROPOUT.has(name))
  if (fixed !== undefined)
    throw new UsageError(
      `Cannot give --${optionName(fixed)} with --from: the model is that of "${values.from}"; leave it out`,
    )
  const { model, training } = choicesOf(data, values)
  const dropout = (name: 'dropout' | 'miaDropout') => (given.includes(name) ? model[name] : before.model[name])
  return { data, model: { ...before.model, dropout: dropout('dropout'), miaDropout: dropout('miaDropout') }, training }
}

/** Options of the model that change none of its weights. */
const DROPOUT: ReadonlySet<string> = new Set(['dropout', 'miaDropout'])
