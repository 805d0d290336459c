import { LOW_CONFIDENCE } from '../caption/calibration.ts'
import type { RunConfig } from '../caption/run-config.ts'
import { type Card, STATEMENTS } from '../disk/card-file.ts'
import type { BasicModelName } from '../models/basic-models.ts'
import { counted, scoreText, thousands } from '../wording.ts'

/** The content of a model card. */
export interface CardPage {
  readonly card: Card
  readonly config: RunConfig
  /** known limitations that the measurements do not show, in Markdown */
  readonly limits?: string
}

/**
 * Returns a model card in Markdown (Mitchell et al., "Model Cards for Model Reporting", 2019): data, terms,
 * hyperparameters, scores, limitations, and checksums of the files.
 */
export function cardPage({ card, config, limits }: CardPage): string {
  const { model, training, features, data } = config
  const { trained, captions, concepts, confidence } = card
  const network = 'network' in features ? features.network : undefined
  const megabytes = card.files.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6
  const recipe: readonly (readonly [string, string])[] = [
    [
      'model',
      [
        titleOf(model.basicModel, model.mia),
        `hidden size ${model.hiddenSize}`,
        ...(model.basicModel === 'Transformer'
          ? [`${counted(model.layers, 'layer')} each of encoder and decoder`]
          : []),
        ...(model.mia || model.basicModel === 'Transformer'
          ? [`${model.numHeads} heads`, `an inner size of ${model.innerSize}`]
          : []),
        ...(model.mia ? [`${model.iterations} iterations of MIA`, `${model.concepts} concepts`] : []),
      ].join(', '),
    ],
    [
      'features',
      `${features.regions} regions of ${thousands(features.size)}${network ? `; network \`${network.file}\`, sha256 \`${network.sha256}\`` : ''}${'layer' in features ? `; layers ${features.layer}` : ''}`,
    ],
    ['dropout', `${model.dropout}; in MIA ${model.miaDropout}`],
    [
      'batches',
      `${training.batchSize / training.captionsPerImage} images with ${training.captionsPerImage} captions each`,
    ],
    [
      'augmentations',
      training.augmentations > 0 ? `${training.augmentations} crops of each image, every other one mirrored` : 'none',
    ],
    [
      'learning rate',
      training.learningRateWarmup > 0
        ? `${training.learningRate} after a warm-up of ${counted(training.learningRateWarmup, 'step')}, then falling with the root of the step`
        : `${training.learningRate}, halved every ${training.learningRateDecayEvery} epochs after epoch ${training.learningRateDecayStart}`,
    ],
    ['Adam', `betas ${training.adam.beta1} and ${training.adam.beta2}`],
    [
      'gradients',
      training.gradientClipping.kind === 'none'
        ? 'not clipped'
        : `clipped by ${training.gradientClipping.kind} at ${training.gradientClipping.limit}`,
    ],
    ['objective', objectiveOf(training)],
    ['label smoothing', `${training.labelSmoothing}`],
    ['moving average of the weights', training.emaDecay > 0 ? `decay ${training.emaDecay} per step` : 'none'],
    ['seed', `${training.seed}`],
    ...epochRows(training, trained),
    ['code', `mia-caption ${card.version}${card.commit === undefined ? '' : `, commit ${card.commit}`}`],
  ]
  return `# ${titleOf(model.basicModel, model.mia)}, trained on ${data.name}

Captions photographs in English, and shows the regions and concepts behind each word.
${thousands(card.parameters)} parameters${concepts ? ` and a detector of ${thousands(concepts.words)} concepts` : ''}, in float16: ${megabytes.toFixed(1)} MB.
\`mia card\` made this page and measured its numbers.

## Data and terms

${data.name}: ${thousands(trained.images)} training images with ${thousands(trained.captions)} captions. The validation images were used to select the epoch only. ${card.terms}

## Hyperparameters

${markdownTable(['', ''], recipe)}

## Scores

Captions of ${thousands(captions.images)} validation images as "mia caption" searches for them (a beam of ${captions.beam}, no content word twice, compared per word${captions.conceptWeight === undefined ? '' : ` and by the concepts that they name, with a weight of ${captions.conceptWeight}`}), and the weights in this folder${captions.precision ? `, quantised to ${captions.precision}` : ''}. Only scores with equal signatures compare.

${markdownTable(
  ['score', 'value', 'signature'],
  card.scores.map(({ name, score, signature }) => [name, scoreText(score), `\`${signature}\``.replaceAll('|', '\\|')]),
)}

${card.datasets ? datasetTable(card.datasets) : ''}## Confidence

${confidence ? confidenceText(confidence) : "Not calibrated: the geometric mean of the words' probabilities."}

## Limitations

What the captions state, compared with the references: F-scores of SPICE-ts by kind of statement, from 0 to 1 (best).

${markdownTable(
  ['statements', 'F-score'],
  STATEMENTS.map(({ metric, kind }) => [kind, card.statements[metric]?.toFixed(3) ?? 'none stated']),
)}

- Captions repeat: ${thousands(captions.images)} images have ${thousands(captions.different)} distinct captions with ${thousands(captions.words)} distinct words. The most frequent is "${captions.mostFrequent}", ${captions.times} times.
${concepts ? `- The concept detector has a mean average precision of ${concepts.meanAveragePrecision.toFixed(3)}. Best concepts: ${concepts.best.join(', ')}. Worst: ${concepts.worst.join(', ')}.\n` : ''}${limits === undefined ? '' : `\n${limits.trim()}\n`}
## Files

${markdownTable(
  ['file', 'bytes', 'sha256'],
  card.files.map(({ path, bytes, sha256 }) => [path, thousands(bytes), `\`${sha256}\``]),
)}
`
}

/** The scores on the images of each dataset. */
function datasetTable(scores: NonNullable<Card['datasets']>): string {
  const names = [...new Set(Object.keys(scores).map((key) => key.slice(key.indexOf(' ') + 1)))]
  const metrics = [...new Set(Object.keys(scores).map((key) => key.slice(0, key.indexOf(' '))))]
  const rows = names.map((name) => [name, ...metrics.map((metric) => scoreText(scores[`${metric} ${name}`]!))])
  return `Of the images of each dataset by themselves:\n\n${markdownTable(['dataset', ...metrics], rows)}\n\n`
}

const percent = (part: number): string => `${(100 * part).toFixed(0)}%`

const titleOf = (basicModel: BasicModelName, mia: boolean): string => `${basicModel}${mia ? ' with MIA' : ''}`

const markdownTable = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

/** The rows about the epochs, and about what was averaged. */
function epochRows({ averaged }: RunConfig['training'], { epochs, bestEpoch }: Card['trained']): [string, string][] {
  if (!averaged)
    return [['epochs', `${epochs}; these are the weights of epoch ${bestEpoch}, the best on the validation images`]]
  const parts = averaged.map(({ weights, share }) => `\`${weights}\` (${Math.round(100 * share)}%)`)
  return [
    ['epochs', `${epochs}; epoch ${bestEpoch} is the best on the validation images`],
    ['weights', `the mean of ${parts.join(', ')}`],
  ]
}

function objectiveOf({ objective, from }: RunConfig['training']): string {
  const start = from ? `, from the weights of \`${from.run}\`` : ''
  if (objective.kind === 'cross-entropy') return `cross-entropy${start}`
  const { baseline, bleuReward } = objective
  const reward = bleuReward > 0 ? `${1 - bleuReward} CIDEr-D + ${bleuReward} BLEU-4` : 'CIDEr-D'
  const compared = baseline === 'greedy' ? 'the greedy caption' : 'the mean of the other samples'
  return `self-critical: ${reward} compared with that of ${compared}${start}`
}

const confidenceText = ({ fittingCider, error, bins }: NonNullable<Card['confidence']>): string => `\
A caption's confidence is the probability that it fits: that its CIDEr-D against the references is at least ${fittingCider}. It is a logistic curve of the geometric mean of the words' probabilities, fitted to the validation images. Below ${percent(LOW_CONFIDENCE)}, \`mia caption\` says "low confidence". The validation images in bins of rising confidence, each by a curve fitted without it (expected calibration error ${error.toFixed(3)}):

![Reliability diagram](reliability.svg)

${markdownTable(
  ['confidence', 'mean confidence', 'captions that fit', 'captions'],
  bins.map(({ from, to, confidence, fit, captions }) => [
    `${percent(from)} to ${percent(to)}`,
    percent(confidence),
    percent(fit),
    `${captions}`,
  ]),
)}`
