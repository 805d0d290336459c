import type { RunChoices } from '../../train/configure.ts'
import type { Values } from '../command.ts'
import { choice, count, flag, fraction, portion, positive, rate, text } from '../options.ts'

const data = { group: 'Data and run' } as const
const model = { group: 'Model' } as const
const training = { group: 'Training' } as const
const validation = { group: 'Validation after each epoch' } as const

/** What `mia train` takes; the defaults are the published recipe. */
export const options = {
  data: text('folder', 'dataset folder with features, and concepts where the model uses them', data),
  out: text('folder', "the run's folder", { required: true, ...data }),
  resume: flag('go on with the run in --out as it was begun; no other option is needed', data),
  seed: count('n', 'of everything random; the same seed gives the same run', { default: 1, ...data }),
  basicModel: choice(
    'name',
    'what the decoder is fed and attends to',
    ['VisualAttention', 'ConceptAttention', 'VisualCondition', 'ConceptCondition', 'VisualRegionalAttention'],
    { default: 'VisualAttention', ...model },
  ),
  mia: flag('refine regions and concepts by Mutual Iterative Attention', model),
  iterations: positive('n', 'iterations of MIA', { default: 2, ...model }),
  concepts: positive(
    'n',
    'concepts of each picture (default: as many as regions, as in the paper, or as "mia concepts detect" found if these are fewer)',
    model,
  ),
  miaAttention: choice(
    'how',
    'who attends to whom: regions and concepts to each other, or, as a control with as many weights, each to itself',
    ['mutual', 'self'],
    { default: 'mutual', ...model },
  ),
  miaForm: choice(
    'which',
    "outer Add&Norm of MIA's layers: visual only, as the published code computes, or both, as the paper's figure shows",
    ['code', 'figure'],
    { default: 'code', ...model },
  ),
  hiddenSize: positive('n', 'width of the model', { default: 512, ...model }),
  numHeads: positive('n', 'attention heads of MIA', { default: 8, ...model }),
  innerSize: positive('n', "inner width of MIA's feed-forward layers", { default: 2048, ...model }),
  attentionSize: positive('n', 'hidden width of the attention over regions', { default: 49, ...model }),
  dropout: portion('p', 'dropout of encoder and decoder', { default: 0.5, ...model }),
  miaDropout: portion('p', 'dropout inside MIA', { default: 0.1, ...model }),
  epochs: positive('n', 'times that each picture is seen (default: 30)', training),
  batchSize: positive('captions', 'captions of a step', { default: 80, ...training }),
  captionsPerImage: positive('n', 'captions of each picture in a step', { default: 5, ...training }),
  augmentations: count(
    'n',
    'further augmentations of each picture to train on, made by "mia features --augmentations"; each time one of them or the picture itself is drawn (the published code draws one at every step)',
    { default: 0, ...training },
  ),
  learningRate: rate('rate', "Adam's learning rate", { default: 5e-4, ...training }),
  beta1: fraction('p', "decay of Adam's first moment", { default: 0.8, ...training }),
  beta2: fraction('p', "decay of Adam's second moment", { default: 0.999, ...training }),
  learningRateDecayStart: count('epoch', 'epoch after which the learning rate falls', { default: 20, ...training }),
  learningRateDecayEvery: positive('epochs', 'epochs in which it falls to a half', { default: 50, ...training }),
  labelSmoothing: fraction('p', 'part of the target that the other words share', { default: 0.1, ...training }),
  emaDecay: fraction(
    'decay',
    'validate and keep the moving average of the weights, of which each step leaves that part; 0.999 is a good one (published: 0, none)',
    { default: 0, ...training },
  ),
  gradientClipping: choice(
    'how',
    'how gradients are kept small; weight-clamp is what the published code does instead, to weights: for its numbers',
    ['value', 'norm', 'weight-clamp', 'none'],
    { default: 'value', ...training },
  ),
  gradientClippingLimit: rate('limit', 'limit of the clipping', { default: 0.1, ...training }),
  beam: positive('n', 'hypotheses kept while searching', { default: 3, ...validation }),
  maxLength: positive('words', 'words a caption may have', { default: 20, ...validation }),
} as const

export type TrainValues = Values<typeof options>

const DEFAULT_EPOCHS = 30

/** The choices of a new run. */
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

/** PyTorch's, as in the published code. */
const EPSILON = 1e-8
