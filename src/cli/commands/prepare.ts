import { UsageError } from '../../errors.ts'
import { thousands } from '../../wording.ts'
import { defineCommand } from '../command.ts'
import { choice, count, positive, text } from '../options.ts'
import { table } from '../output.ts'

export const prepare = defineCommand({
  name: 'prepare',
  summary: 'read a data set: captions, splits, vocabulary',
  description:
    'Reads a data set in the files its authors published, or a folder of your own pictures with a captions file, tokenises every caption with the one tokeniser that training ' +
    'and scores use too, makes the vocabulary of the training captions, and writes it all into a dataset folder. ' +
    'Pictures stay where they are. What is missing is said, never guessed.',
  examples: [
    {
      call: 'mia prepare folder --root my-pictures --out data/mine',
      what: 'your own: my-pictures/captions.tsv with lines "picture.jpg<TAB>caption", or metadata.jsonl; dealt out 8 : 1 : 1',
    },
    {
      call: 'mia prepare flickr8k --root flickr8k --out data/flickr8k',
      what: 'Flickr8k: caption file, split lists, images',
    },
    {
      call: 'mia prepare coco --root coco --year 2017 --out data/coco',
      what: 'COCO: annotations/captions_*2017.json, train2017/, val2017/',
    },
    {
      call: 'mia prepare karpathy --file dataset_coco.json --images coco --out data/karpathy',
      what: "Karpathy's split, the one that papers report on",
    },
  ],
  arguments: {
    source: choice('source', 'whose files they are', ['flickr8k', 'coco', 'karpathy', 'folder'], { required: true }),
  },
  options: {
    out: text('folder', 'dataset folder to write', { required: true }),
    root: text('folder', 'folder of the files (flickr8k, coco, folder)'),
    file: text('path', 'the JSON file (karpathy), or the captions, if they are not beside the pictures (folder)'),
    images: text('folder', 'folder of the pictures, if they are not beside the files'),
    year: choice('year', 'which annotations, where both are there (coco)', ['2014', '2017']),
    randomSplit: count(
      'seed',
      'deal the pictures out to the splits at random, as the published code does: for its numbers, which are inflated',
    ),
    minCount: positive('n', 'rarer words of the training captions become <unk>', { default: 5 }),
  },
  async run({ source, root, file, images, year, out, minCount, randomSplit }, { signal, report }) {
    const where = source === 'karpathy' ? file : root
    if (where === undefined) {
      const option = source === 'karpathy' ? '--file dataset_coco.json' : `--root <folder of ${source}>`
      throw new UsageError(`Cannot prepare ${source}: where its files are is not said; add ${option}`)
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
    for (const problem of summary.problems) report.warn(problem)
    return {
      json: { out, ...summary },
      text: describe(summary, out),
      next: `mia features --data ${out}`,
    }
  },
})

type Summary = Awaited<ReturnType<typeof import('../../data/prepare.ts').prepare>>

function describe({ name, images, captions, unknownShare, vocabularySize }: Summary, out: string): string {
  const rows = (['train', 'val', 'test'] as const).map((split) => [
    split,
    thousands(images[split]),
    thousands(captions[split]),
    captions[split] > 0 ? `${(unknownShare[split] * 100).toFixed(2)}%` : '',
  ])
  return `${name} in ${out}, ${thousands(vocabularySize)} words\n\n${table([['split', 'images', 'captions', 'unknown words'], ...rows])}`
}
