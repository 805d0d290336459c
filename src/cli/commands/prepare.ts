import { UsageError } from '../../errors.ts'
import { counted, thousands } from '../../wording.ts'
import { defineCommand } from '../command.ts'
import { choice, list, positive, seed, text } from '../options.ts'
import { type Answer, shellQuoted, table } from '../output.ts'
import type { Reporter } from '../reporter.ts'
import { REPRODUCE } from '../shared-options.ts'

/** `mia prepare`: converts a dataset. */
export const prepare = defineCommand({
  name: 'prepare',
  summary: 'convert a dataset: captions, splits, vocabulary',
  description:
    'Converts a dataset in the format that its authors published, or a folder of your own images with captions, into a ' +
    'dataset folder: tokenises the captions as training and metrics do, and builds the vocabulary from the training ' +
    'captions. The images stay where they are. Missing files are reported.',
  examples: [
    {
      call: 'mia prepare folder --root my-pictures --out data/mine',
      what:
        'your own images: my-pictures/captions.tsv has lines "picture.jpg<TAB>caption"; or CSV, metadata.jsonl, or a ' +
        'text file beside each picture; ' +
        'without splits of their own, 80% of the images are for training, 10% for validation, 10% for tests',
    },
    {
      call: 'mia prepare folder --root Images --file captions.txt --out data/flickr8k',
      what: "Flickr8k or Flickr30k from Kaggle; results.csv and Flickr30k's own token file are read too",
    },
    {
      call: 'mia prepare flickr8k --root flickr8k --out data/flickr8k',
      what: 'Flickr8k: Flickr8k.token.txt, split lists, images/',
    },
    {
      call: 'mia prepare coco --root coco --year 2017 --out data/coco',
      what: 'COCO: annotations/captions_*2017.json, train2017/, val2017/',
    },
    {
      call: 'mia prepare karpathy --file dataset_coco.json --images coco --out data/karpathy',
      what: "Karpathy's split, which papers report on",
    },
    {
      call: 'mia prepare join --data data/flickr8k,data/coco --out data/both',
      what: 'several datasets for one training: one vocabulary, and scores of each dataset',
    },
  ],
  arguments: {
    source: choice(
      'source',
      'format of the dataset, or "join" to join datasets that are prepared',
      ['flickr8k', 'coco', 'karpathy', 'folder', 'join'],
      { required: true },
    ),
  },
  options: {
    out: text('folder', 'dataset folder to write', { required: true }),
    root: text('folder', 'folder of the dataset (flickr8k, coco, folder)'),
    data: list('folders', 'prepared datasets, with commas between them (join)'),
    file: text('path', "Karpathy's dataset file (karpathy), or a captions file that is not in --root (folder)"),
    images: text('folder', 'folder of the images, if they are not in --root (flickr8k, coco, karpathy)'),
    year: choice('year', 'which annotations, if both are there (coco)', ['2014', '2017']),
    minCount: positive('n', 'words with fewer occurrences in the training captions become <unk>', { default: 5 }),
    randomSplit: seed('seed', 'random split as in the published code; its scores are inflated', REPRODUCE),
  },
  async run({ source, root, data, file, images, year, out, minCount, randomSplit }, { signal, report }) {
    if (source === 'join') {
      if (data === undefined || data.length < 2)
        throw new UsageError('Cannot prepare join: give at least two datasets, as in --data data/flickr8k,data/coco')
      const { joinDatasets } = await import('../../data/join.ts')
      return done(await joinDatasets({ data, out, minCount, signal }), out, report)
    }
    const where = source === 'karpathy' ? file : root
    if (where === undefined) {
      const option = source === 'karpathy' ? '--file dataset_coco.json' : '--root <folder>'
      throw new UsageError(`Cannot prepare ${source}: ${option} is missing`)
    }
    const { prepare } = await import('../../data/prepare.ts')
    const watch = { out, minCount, randomSplit, signal, onProgress: report.progress('Tokenising', 'images') }
    const summary = await prepare(
      source === 'karpathy'
        ? { source, file: where, images, ...watch }
        : source === 'coco'
          ? { source, root: where, images, year: year && (Number(year) as 2014 | 2017), ...watch }
          : source === 'folder'
            ? { source, root: where, file, ...watch }
            : { source, root: where, images, ...watch },
    )
    return done(summary, out, report)
  },
})

function done(summary: Summary, out: string, report: Reporter): Answer {
  for (const problem of summary.problems) report.warn(problem)
  return {
    json: { out, ...summary },
    text: describe(summary, out),
    next: `mia features --data ${shellQuoted(out)}`,
  }
}

type Summary = Awaited<ReturnType<typeof import('../../data/prepare.ts').prepare>>

function describe({ name, images, captions, unknownShare, vocabularySize }: Summary, out: string): string[] {
  const rows = (['train', 'val', 'test'] as const).map((split) => [
    split,
    thousands(images[split]),
    thousands(captions[split]),
    captions[split] > 0 ? `${(unknownShare[split] * 100).toFixed(2)}%` : '',
  ])
  return [
    `${name} in ${out}, vocabulary of ${counted(vocabularySize, 'word')}`,
    '',
    ...table([['split', 'images', 'captions', 'unknown words'], ...rows]),
  ]
}
