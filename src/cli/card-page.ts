import type { RunConfig } from '../caption/run-config.ts'
import { type Card, STATEMENTS } from '../disk/card-file.ts'
import type { BasicModelName } from '../models/lstm/basic-models.ts'
import { thousands } from '../wording.ts'

/** What a card is written of. */
export interface CardPage {
  readonly card: Card
  readonly config: RunConfig
  /** in Markdown: what the author knows of its weaknesses beside what is measured */
  readonly limits?: string
}

/** A model card in Markdown (Mitchell et al. 2019, "Model Cards for Model Reporting"): what it is, of which data, how good, where bad, which bytes. */
export function cardPage({ card, config, limits }: CardPage): string {
  const { model, training, features, data } = config
  const { trained, captions, concepts } = card
  const network = 'network' in features ? features.network : undefined
  const megabytes = card.files.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6
  const recipe: readonly (readonly [string, string])[] = [
    [
      'model',
      `${titleOf(model.basicModel, model.mia)}, width ${model.hiddenSize}${model.mia ? `, ${model.numHeads} heads, ${model.iterations} iterations of MIA with an inner width of ${model.innerSize}, ${model.concepts} concepts` : ''}`,
    ],
    [
      'features',
      `${features.regions} regions of ${thousands(features.size)}${network ? `; network \`${network.file}\`, sha256 \`${network.sha256}\`` : ''}${'layer' in features ? `; layers ${features.layer}` : ''}`,
    ],
    ['dropout', `${model.dropout}; in MIA ${model.miaDropout}`],
    ['batches', `${training.imagesPerBatch} images with ${training.captionsPerImage} captions each`],
    [
      'augmentations',
      training.augmentations > 0
        ? `each picture, and ${training.augmentations} crops of it, mirrored or not`
        : 'each picture as it is',
    ],
    [
      'learning rate',
      `${training.learningRate}, halved in ${training.learningRateDecayEvery} epochs from epoch ${training.learningRateDecayStart} on`,
    ],
    ['Adam', `betas ${training.adam.beta1} and ${training.adam.beta2}`],
    [
      'gradients',
      training.gradientClipping.kind === 'none'
        ? 'not clipped'
        : `clipped by ${training.gradientClipping.kind} at ${training.gradientClipping.limit}`,
    ],
    ['label smoothing', `${training.labelSmoothing}`],
    ['average of the weights', training.emaDecay > 0 ? `moving, decay ${training.emaDecay} a step` : 'none'],
    ['seed', `${training.seed}`],
    [
      'epochs',
      `${trained.epochs}; the weights are those of epoch ${trained.bestEpoch}, the best on the validation images`,
    ],
    ['code', `mia-caption ${card.version}${card.commit === undefined ? '' : `, commit ${card.commit}`}`],
  ]
  return `# ${titleOf(model.basicModel, model.mia)}, trained on ${data.name}

Writes an English sentence about a photograph and shows which regions and concepts each word comes from.
${thousands(card.parameters)} parameters${concepts ? ` and a detector of ${thousands(concepts.words)} concepts` : ''}, kept in float16: ${megabytes.toFixed(1)} MB.
Made by \`mia card\`, which also measured the numbers below.

## Data and terms

${data.name}: ${thousands(trained.images)} training images with ${thousands(trained.captions)} captions; its validation images chose the epoch and nothing else. ${card.terms}

## Recipe

${markdownTable(['', ''], recipe)}

## Scores

On ${thousands(captions.images)} validation images, captions by a beam of ${captions.beam}, of the weights as they are in this folder. Only scores of one signature compare.

${markdownTable(
  ['score', 'value', 'signature'],
  card.scores.map(({ name, score, signature }) => [name, score.toFixed(4), `\`${signature}\``.replaceAll('|', '\\|')]),
)}

## Confidence

A caption's confidence is the geometric mean of its words' probabilities. The validation images in thirds of rising confidence:

${markdownTable(
  ['confidence', 'mean CIDEr'],
  card.confidence.map(({ from, to, cider }) => [`${percent(from)} to ${percent(to)}`, cider.toFixed(3)]),
)}

## What it is bad at

What the captions state, against what people state of the same pictures (F-scores of SPICE-ts's kinds; 1 would be all of it and nothing else):

${markdownTable(
  ['statements', 'F'],
  STATEMENTS.map(({ metric, kind }) => [kind, card.statements[metric]?.toFixed(3) ?? 'nobody states any']),
)}

- It repeats itself: ${thousands(captions.different)} different captions for ${thousands(captions.images)} images, of ${thousands(captions.words)} different words; the commonest, "${captions.mostFrequent}", ${captions.times} times.
${concepts ? `- Its concepts have a mean average precision of ${concepts.meanAveragePrecision.toFixed(3)}. It knows best: ${concepts.best.join(', ')}. Worst: ${concepts.worst.join(', ')}.\n` : ''}${limits === undefined ? '' : `\n${limits.trim()}\n`}
## Files

${markdownTable(
  ['file', 'bytes', 'sha256'],
  card.files.map(({ path, bytes, sha256 }) => [path, thousands(bytes), `\`${sha256}\``]),
)}
`
}

const percent = (part: number): string => `${(100 * part).toFixed(0)}%`

const titleOf = (basicModel: BasicModelName, mia: boolean): string => `${basicModel}${mia ? ' with MIA' : ''}`

const markdownTable = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
