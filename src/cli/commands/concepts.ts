import { counted } from '../../wording.ts'
import { defineCommand } from '../command.ts'
import { count, positive, text } from '../options.ts'
import { table } from '../output.ts'

export const conceptsTrain = defineCommand({
  name: 'concepts train',
  summary: 'learn to detect what pictures show, in words',
  description:
    'Trains the detector of concepts (Fang et al., CVPR 2015: noisy-OR over the regions) on the stored features. Its ' +
    'words are the frequent content words of the training captions, or a list. The weights of the epoch with the best ' +
    'mean average precision on the validation pictures are kept.',
  examples: [
    { call: 'mia concepts train --data data/flickr8k', what: 'the frequent content words of the training captions' },
    { call: 'mia concepts train --data data/coco --words words.txt', what: 'a list, the first word of each line' },
  ],
  options: {
    data: text('folder', 'dataset folder with features', { required: true }),
    words: text(
      'path',
      'list of the words to detect; by default the 1,000 most frequent content words, each in 0.5% of the training pictures or more (at least 2 pictures; 30 are always enough)',
    ),
    epochs: positive('n', 'times that each training picture is seen', { default: 10 }),
    seed: count('n', 'of everything random; the same seed gives the same detector', { default: 1 }),
  },
  async run({ data, words, epochs, seed }, { signal, report }) {
    const { trainConceptDetector } = await import('../../train/concept-training.ts')
    const { nodeEngine } = await import('../../hosts/node/engine.ts')
    const trained = await trainConceptDetector({
      engine: nodeEngine,
      data,
      epochs,
      seed,
      signal,
      ...(words !== undefined && { wordList: words }),
      onProgress: report.progress('Concepts', 'pictures'),
      onEpoch: ({ epoch, loss, meanAveragePrecision }) =>
        report.note(`Epoch ${epoch}: loss ${loss?.toFixed(3) ?? '-'}, mAP ${meanAveragePrecision.toFixed(4)}`),
    })
    return { json: { data, ...trained }, text: describe(trained), next: `mia concepts detect --data ${data}` }
  },
})

export const conceptsDetect = defineCommand({
  name: 'concepts detect',
  summary: 'find the words that every picture shows',
  description:
    "Finds the most confident concepts of every picture that has features, and keeps them in the dataset's folder. A model " +
    'with MIA takes as many as there are regions, or as there are words.',
  examples: [{ call: 'mia concepts detect --data data/flickr8k', what: '49 words for the 49 regions of a 7 x 7 map' }],
  options: {
    data: text('folder', 'dataset folder with features and a concept detector', { required: true }),
    count: positive(
      'n',
      'words for each picture; by default as many as regions, or all that the detector knows if these are fewer',
    ),
  },
  async run({ data, count }, { signal, report }) {
    const { detectConcepts } = await import('../../train/concept-detection.ts')
    const onProgress = report.progress('Concepts', 'pictures')
    const { nodeEngine } = await import('../../hosts/node/engine.ts')
    const found = await detectConcepts({
      engine: nodeEngine,
      data,
      signal,
      onProgress,
      ...(count !== undefined && { count }),
    })
    return {
      json: { data, ...found },
      text: count === undefined ? describeFound(found) + fewer(found) : describeFound(found),
      next: `mia train --data ${data} --basic-model VisualAttention --mia --out runs/va-mia`,
    }
  },
})

type Detection = import('../../train/concept-detection.ts').Detection

const describeFound = ({ images, count, words }: Detection): string =>
  `${counted(images, 'picture')} with ${counted(count, 'concept')} each, out of ${counted(words, 'word')}`

/** Why a picture has fewer concepts than it has regions, if that was not asked for. */
const fewer = ({ count, regions }: Detection): string =>
  count < regions ? `: fewer than a picture's ${counted(regions, 'region')}, for the detector knows no more` : ''

type Trained = Awaited<ReturnType<typeof import('../../train/concept-training.ts').trainConceptDetector>>

const SHOWN = 10

function describe({ words, meanAveragePrecision, bestEpoch, averagePrecision }: Trained): string {
  const all = Object.entries(averagePrecision)
  const rows = [...all.slice(0, SHOWN), ...all.slice(SHOWN).slice(-SHOWN)].map(([word, ap]) => [word, ap.toFixed(3)])
  const judged = `${counted(all.length, 'word')} that validation pictures have`
  return (
    `mAP ${meanAveragePrecision.toFixed(4)} on val over ${judged}, of ${counted(words, 'word')} (epoch ${bestEpoch})\n\n` +
    `${table([['best and worst', 'average precision'], ...rows])}`
  )
}
