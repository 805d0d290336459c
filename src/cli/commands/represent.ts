import type { DatasetFormat } from '../../disk/representation-writer.ts'
import { UsageError, UserError } from '../../errors.ts'
import { counted } from '../../wording.ts'
import { type Context, defineCommand } from '../command.ts'
import { choice, flag, some, text } from '../options.ts'
import type { Answer } from '../output.ts'
import { NETWORKS } from '../shared-options.ts'

const DATASET = { group: 'A dataset' } as const

/** `mia represent`: exports the representations of image files. */
export const represent = defineCommand({
  name: 'represent',
  summary: 'export semantic-grounded image representations (SGIRs)',
  description:
    'Encodes images with a run that has MIA, and writes tensors: "sgir" [images, rows, hidden size], the ' +
    'semantic-grounded image representation, to replace the image features of another system, with one row per region ' +
    'or concept, whichever are more; "boxes" [images, regions, 4]: left, top, right, bottom as fractions of the image; ' +
    '"mask" [images, rows] if some images have fewer rows. --attention adds, for each iteration i, the attention weights ' +
    'of the concepts over the regions, "attention.visual.i" [images, heads, concepts, regions], and of the regions over ' +
    'the concepts, "attention.textual.i" [images, heads, regions, concepts]. A .safetensors file also has the paths and ' +
    'concepts of the images; with .npy there is one file per tensor, and a .json file with the paths and concepts. ' +
    '--data represents a split of a dataset from its stored features and concepts, without the images, in forms that ' +
    'other captioning code reads as bottom-up features: tsv, one file as published; npz, a folder with cocobu_att and ' +
    'cocobu_fc; safetensors, a folder of files with a tensor per image. The same command resumes.',
  examples: [
    { call: 'mia represent --run runs/va-mia --out sgir.safetensors a-folder/', what: 'everything in one file' },
    {
      call: 'mia represent --run runs/va-mia --data data/coco --split val --format tsv --out sgir-val.tsv',
      what: 'a split of a dataset, as bottom-up features',
    },
    {
      call: 'mia represent --run runs/va-mia --out sgir.npy --attention photo.jpg',
      what: 'writes sgir.npy, sgir.attention.visual.1.npy, ..., sgir.json',
    },
  ],
  arguments: {
    images: some('images, folders of images, patterns such as "photos/*.jpg", or - for standard input; or give --data'),
  },
  options: {
    run: text('folder', 'run folder of a captioner with MIA', { required: true }),
    out: text('path', 'file to write, .safetensors or .npy; with --data see --format', { required: true }),
    attention: flag('also write the attention weights of each iteration'),
    ...NETWORKS,
    data: text('folder', 'dataset folder with features and concepts', DATASET),
    split: choice('name', 'split of the dataset', ['train', 'val', 'test'], { ...DATASET, default: 'test' }),
    format: choice('name', 'tsv (a file), npz or safetensors (a folder)', ['tsv', 'npz', 'safetensors'], DATASET),
  },
  async run({ images: paths = [], run, out, attention, cnn, detector, ...dataset }, context) {
    const { signal, report, given } = context
    refuseContradictions(paths, given)
    if (dataset.data !== undefined) return representDataset({ run, out, ...dataset, data: dataset.data }, context)
    const { findImages } = await import('../image-files.ts')
    const { representImages } = await import('../../caption/representations.ts')
    const { representationFormat, writeRepresentations } = await import('../../disk/representations.ts')
    const { openRun } = await import('../../disk/run.ts')
    const { nodeEngine } = await import('../../hosts/node/engine.ts')
    const { checkWritable } = await import('../../disk/files.ts')
    representationFormat(out) // before the work
    await checkWritable(out)
    const { images, skipped: unreadable, named, leftOut } = await findImages(paths, { signal })
    const represented = await representImages(nodeEngine, await openRun(run), images, {
      attention,
      onProgress: report.progress('Representations', 'images'),
      signal,
      ...(cnn !== undefined && { cnn }),
      ...(detector !== undefined && { detector }),
    })
    const skipped = [...unreadable, ...represented.skipped.map(named)].sort((a, b) => a.index - b.index)
    const { warnSkipped } = await import('../skipped.ts')
    warnSkipped(report, skipped)
    const unread = new Set(represented.skipped.map(({ index }) => index))
    const names = images.flatMap((_, index) => (unread.has(index) ? [] : [named({ image: '', index }).image]))
    if (names.length === 0) throw new UserError('Cannot represent: none of the images can be read')
    const { tensors } = represented
    const written = await writeRepresentations(out, run, { ...represented, names })
    const shapes = Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]))
    return {
      json: { images: names, tensors: shapes, written, skipped },
      text: [
        `${counted(names.length, 'image')} in ${written.join(', ')}`,
        ...Object.entries(shapes).map(([name, shape]) => `  ${name} [${shape.join(', ')}]`),
      ],
      failed: !skipped.every(leftOut),
    }
  },
})

/** Throws UsageError for options that contradict each other. */
function refuseContradictions(paths: readonly string[], given: readonly string[]): void {
  const has = (name: string): boolean => given.includes(name)
  if (!has('data')) {
    for (const name of ['split', 'format'])
      if (has(name)) throw new UsageError(`Cannot use --${name} without --data: it is about a dataset`)
    if (paths.length === 0) throw new UsageError('Cannot represent nothing: give images, or a dataset with --data')
    return
  }
  if (paths.length > 0) throw new UsageError('Cannot represent both images and a dataset: give images or --data')
  for (const name of ['attention', 'cnn', 'detector'])
    if (has(name)) throw new UsageError(`Cannot use --${name} with --data: it is about images`)
}

interface DatasetValues {
  readonly run: string
  readonly out: string
  readonly data: string
  readonly split: 'train' | 'val' | 'test'
  readonly format: DatasetFormat | undefined
}

async function representDataset(
  { run, out, data, split, format = /\.tsv$/i.test(out) ? 'tsv' : undefined }: DatasetValues,
  { signal, report }: Context,
): Promise<Answer> {
  if (format === undefined)
    throw new UsageError(`Cannot write representations to "${out}": say the form, as in --format npz`)
  const { representSplit } = await import('../../evaluation/represent-split.ts')
  const { nodeEngine: engine } = await import('../../hosts/node/engine.ts')
  const onProgress = report.progress('Representations', 'images')
  const options = { engine, run, out, data, split, format, signal, onProgress }
  const { written, kept, missing } = await representSplit(options).catch((error) => {
    if (signal.aborted) report.note(`What is done is in "${out}"; run the same command again to resume`)
    throw error
  })
  if (missing.length > 0)
    report.warn(`skipped ${counted(missing.length, 'image')} of the split without features or concepts`)
  return {
    json: { out, format, split, written, kept, missing },
    text: `${counted(written + kept, 'image')} of ${split} in "${out}", ${written} of them new`,
  }
}
