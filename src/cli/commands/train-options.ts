import type { RunChoices } from '../../train/configure.ts'
import type { Values } from '../command.ts'
import { choice, count, flag, fraction, fractionBelowOne, positive, rate, seed, text } from '../options.ts'
import { BEAM, MAX_LENGTH, REPRODUCE } from '../shared-options.ts'

const DATA = { group: 'Data and run' } as const
const MODEL = { group: 'Model' } as const
const MIA = { group: 'MIA' } as const
const TRAINING = { group: 'Training' } as const
const VALIDATION = { group: 'Validation' } as const
/** Largest size of a layer, far beyond what trains on a CPU. */
const MAX_SIZE = 65_536

/** The options of `mia train`. The defaults are the published hyperparameters. */
export const options = {
  data: text('folder', 'dataset folder with features, and with concepts for models that use them', DATA),
  out: text('folder', 'run folder to write', { required: true, ...DATA }),
  resume: flag('resume the run in --out; it keeps its options, so no others are needed', DATA),
  seed: seed('n', 'random seed; the same seed gives the same weights', { default: 1, ...DATA }),

  basicModel: choice(
    'name',
    'what the decoder attends to: regions, concepts, nothing (VisualCondition gets the mean region at every word, ' +
      'ConceptCondition the mean concept), or detected objects (VisualRegionalAttention)',
    ['VisualAttention', 'ConceptAttention', 'VisualCondition', 'ConceptCondition', 'VisualRegionalAttention'],
    { default: 'VisualAttention', ...MODEL },
  ),
  mia: flag('refine regions and concepts by Mutual Iterative Attention', MODEL),
  hiddenSize: positive('n', 'size of embeddings and hidden states', { default: 512, max: MAX_SIZE, ...MODEL }),
  attentionSize: positive('n', "hidden size of the decoder's attention", { default: 49, max: MAX_SIZE, ...MODEL }),
  dropout: fractionBelowOne('p', 'dropout of encoder and decoder', { default: 0.5, ...MODEL }),

  iterations: positive('n', 'iterations of mutual attention', { default: 2, max: 100, ...MIA }),
  concepts: positive(
    'n',
    'concepts per image (default: the number of regions, or as many as "mia concepts detect" found if these are fewer)',
    { max: 10_000, ...MIA },
  ),
  numHeads: positive('n', 'attention heads', { default: 8, max: 1024, ...MIA }),
  innerSize: positive('n', 'inner size of the feed-forward layers', { default: 2048, max: MAX_SIZE, ...MIA }),
  miaDropout: fractionBelowOne('p', 'dropout', { default: 0.1, ...MIA }),

  epochs: positive('n', 'epochs (default: 30)', TRAINING),
  batchSize: positive('captions', 'captions per step', { default: 80, max: 100_000, ...TRAINING }),
  captionsPerImage: positive('n', 'captions of the same image per step', { default: 5, max: 1000, ...TRAINING }),
  augmentations: count(
    'n',
    'augmentations of each image to train on besides the image itself; "mia features --augmentations" extracts them',
    { default: 0, max: 1000, ...TRAINING },
  ),
  learningRate: rate('rate', "Adam's learning rate", { default: 5e-4, ...TRAINING }),
  learningRateDecayStart: count('epoch', 'last epoch with the full learning rate', { default: 20, ...TRAINING }),
  learningRateDecayEvery: positive('epochs', 'epochs in which the learning rate then halves', {
    default: 50,
    ...TRAINING,
  }),
  beta1: fractionBelowOne('p', "decay rate of Adam's first moment", { default: 0.8, ...TRAINING }),
  beta2: fractionBelowOne('p', "decay rate of Adam's second moment", { default: 0.999, ...TRAINING }),
  labelSmoothing: fraction('p', 'target probability shared by all other words', { default: 0.1, ...TRAINING }),
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
    { default: 'value', ...TRAINING },
  ),
  gradientClippingLimit: rate('limit', 'limit of the clipping', { default: 0.1, ...TRAINING }),

  beam: { ...BEAM, settings: { ...BEAM.settings, ...VALIDATION } },
  maxLength: { ...MAX_LENGTH, settings: { ...MAX_LENGTH.settings, ...VALIDATION } },

  miaForm: choice(
    'form',
    "Add & Norm around the layers of MIA: on the visual branch only, as in the published code, or on both, as in the paper's figure",
    ['code', 'figure'],
    { default: 'code', ...REPRODUCE },
  ),
  miaAttention: choice(
    'how',
    'mutual attention, or as a control experiment self-attention with as many weights',
    ['mutual', 'self'],
    { default: 'mutual', ...REPRODUCE },
  ),
} as const

/** The values of the options of `mia train`. */
export type TrainValues = Values<typeof options>

/** Not in `options`: with --resume, no default means that the run keeps its number of epochs. */
const DEFAULT_EPOCHS = 30
/** Adam's epsilon: PyTorch's default, which the published code uses. */
const EPSILON = 1e-8

/** The configuration of a new run on the dataset in `data`, as far as options choose it. */
export const choicesOf = (data: string, values: TrainValues): RunChoices => ({
  data,
  model: {
    basicModel: values.basicModel,
    mia: values.mia,
    iterations: values.iterations,
    miaAttention: values.miaAttention,
    miaForm: values.miaForm,
    concepts: values.concepts,
    hiddenSize: values.hiddenSize,
    numHeads: values.numHeads,
    innerSize: values.innerSize,
    attentionSize: values.attentionSize,
    dropout: values.dropout,
    miaDropout: values.miaDropout,
  },
  training: {
    seed: values.seed,
    epochs: values.epochs ?? DEFAULT_EPOCHS,
    batchSize: values.batchSize,
    captionsPerImage: values.captionsPerImage,
    augmentations: values.augmentations,
    learningRate: values.learningRate,
    learningRateDecayStart: values.learningRateDecayStart,
    learningRateDecayEvery: values.learningRateDecayEvery,
    labelSmoothing: values.labelSmoothing,
    emaDecay: values.emaDecay,
    gradientClipping:
      values.gradientClipping === 'none'
        ? { kind: 'none' }
        : { kind: values.gradientClipping, limit: values.gradientClippingLimit },
    adam: { beta1: values.beta1, beta2: values.beta2, epsilon: EPSILON },
    beam: values.beam,
    maxLength: values.maxLength,
  },
})
