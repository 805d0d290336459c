import { CPU } from '../../device.ts'
import { counted } from '../../wording.ts'
import { defineCommand } from '../command.ts'
import { positive, seed, text } from '../options.ts'
import { shellQuoted, table } from '../output.ts'
import { partAnswer, refuseShardOnRanks } from '../parts.ts'
import { DEVICE, SHARD } from '../shared-options.ts'

/** `mia concepts train`: trains the concept detector of a dataset. */
export const conceptsTrain = defineCommand({
  name: 'concepts train',
  summary: 'train the concept detector',
  description:
    'Trains a detector of concepts (words such as "dog", "red", "run") on the features of a dataset: multi-label ' +
    'classification with noisy-OR over the regions (Fang et al., CVPR 2015). By default the concepts are the most ' +
    'frequent content words of the training captions. Keeps the weights of the epoch with the best mean average ' +
    'precision (mAP) on the validation images.',
  examples: [
    { call: 'mia concepts train --data data/flickr8k', what: 'frequent content words of the training captions' },
    {
      call: 'mia concepts train --data data/coco --words words.txt',
      what: 'your own list: the first word of each line',
    },
  ],
  options: {
    data: text('folder', 'dataset folder with features', { required: true }),
    words: text(
      'path',
      'file of the words to detect, one per line (default: the 1,000 most frequent content words of the training ' +
        'captions; a word must occur in at least 0.5% of the training images: at least 2, and 30 is always enough)',
    ),
    epochs: positive('n', 'epochs', { default: 10 }),
    seed: seed('n', 'random seed; the same seed gives the same detector', { default: 1 }),
    device: DEVICE,
  },
  resumes: true,
  async run({ data, words, epochs, seed, device = CPU }, { signal, report }) {
    const { trainConceptDetector } = await import('../../train/concept-training.ts')
    const { engineOn } = await import('../../hosts/node/engine.ts')
    const trained = await trainConceptDetector({
      engine: engineOn(device),
      data,
      epochs,
      seed,
      signal,
      ...(words !== undefined && { wordList: words }),
      onProgress: report.progress('Training', 'images'),
      onEpoch: ({ epoch, loss, meanAveragePrecision, logLikelihood }) =>
        report.note(
          `Epoch ${epoch}: loss ${loss?.toFixed(3) ?? '-'}, mAP ${meanAveragePrecision.toFixed(4)}` +
            (logLikelihood === undefined
              ? ''
              : `, log-likelihood ${logLikelihood.toFixed(4)} (decides, as mAP is equal)`),
        ),
    })
    return {
      json: { data, ...trained },
      text: describeTraining(trained),
      next: `mia concepts detect --data ${shellQuoted(data)}`,
    }
  },
})

/** `mia concepts detect`: detects the concepts of the images of a dataset. */
export const conceptsDetect = defineCommand({
  name: 'concepts detect',
  summary: 'detect the concepts of every image',
  description:
    'Detects the most probable concepts of every image that has features, and stores them in the dataset folder. MIA ' +
    'needs as many concepts as regions for each image, or all concepts of the detector if it has fewer.',
  examples: [
    { call: 'mia concepts detect --data data/flickr8k', what: '49 concepts for the 49 regions of a 7 x 7 grid' },
    { call: 'mpirun -n 4 npx mia concepts detect --data data/coco', what: 'shared out among four ranks of MPI' },
    {
      call: 'mia concepts detect --data data/coco --shard 2/8',
      what: 'the second of eight parts, each a job of its own',
    },
  ],
  options: {
    data: text('folder', 'dataset folder with features and a concept detector', { required: true }),
    count: positive(
      'n',
      'concepts per image (default: the number of regions, or all concepts of the detector if it has fewer)',
      { max: 10_000 },
    ),
    device: DEVICE,
    ...SHARD,
  },
  ranks: true,
  async run({ data, count, device = CPU, shard }, { signal, report, ranks }) {
    refuseShardOnRanks(shard, ranks)
    const { Team } = await import('../../distributed/team.ts')
    const { detectPart } = await import('../../train/concept-detection.ts')
    const { engineOn } = await import('../../hosts/node/engine.ts')
    const onProgress = report.progress('Concepts', 'images')
    const found = await detectPart(
      { engine: engineOn(device), data, signal, onProgress, ...(count !== undefined && { count }) },
      { team: new Team(ranks, signal), shard },
    )
    if (!found) return partAnswer(shard)
    return {
      json: { data, ...found },
      text: describeDetection(found, count === undefined),
      next: `mia train --data ${shellQuoted(data)} --basic-model VisualAttention --mia --out runs/va-mia`,
    }
  },
})

type Detection = import('../../train/concept-detection.ts').Detection

function describeDetection({ images, count, words, regions }: Detection, isDefaultCount: boolean): string {
  const found = `${counted(images, 'image')} with ${counted(count, 'concept')} each, of ${counted(words, 'concept')}`
  return isDefaultCount && count < regions
    ? `${found}; images have up to ${counted(regions, 'region')}, but the detector has no more concepts`
    : found
}

type Training = Awaited<ReturnType<typeof import('../../train/concept-training.ts').trainConceptDetector>>

/** Best concepts listed, and worst ones. */
const SHOWN = 10

function describeTraining({
  words,
  meanAveragePrecision,
  bestEpoch,
  logLikelihood,
  averagePrecision,
}: Training): string[] {
  const all = Object.entries(averagePrecision)
  const rows = [...all.slice(0, SHOWN), ...all.slice(SHOWN).slice(-SHOWN)].map(([word, ap]) => [word, ap.toFixed(3)])
  return [
    `mAP ${meanAveragePrecision.toFixed(4)} on val at epoch ${bestEpoch}, over the ${counted(all.length, 'concept')} that ` +
      `occur there, of ${counted(words, 'concept')}` +
      (logLikelihood === undefined
        ? ''
        : `; other epochs had the same mAP: the log-likelihood of the labels (${logLikelihood.toFixed(4)} per image) decided`),
    '',
    ...table([['best and worst', 'average precision'], ...rows]),
  ]
}
