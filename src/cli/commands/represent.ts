import { UserError } from '../../errors.ts'
import { counted } from '../../wording.ts'
import { defineCommand } from '../command.ts'
import { flag, many, text } from '../options.ts'

export const represent = defineCommand({
  name: 'represent',
  summary: 'semantic-grounded representations of pictures',
  description:
    'Writes what a run with MIA makes of pictures before it says a word: the SGIR (semantic-grounded image representation), ' +
    '"sgir" [pictures, rows, width], to take the place of image features in another system, as many rows as regions or concepts, ' +
    'whichever are more; "boxes" [pictures, regions, 4], left, top, right, bottom in parts of the picture; and "mask" [pictures, rows] ' +
    'where some pictures have fewer rows. With --attention also for each iteration i "attention.visual.i" [pictures, heads, concepts, ' +
    'regions], how the concepts attend to the regions, and "attention.textual.i" [pictures, heads, regions, concepts], the other way. A ' +
    '.safetensors file holds all of it with the paths and concepts of the pictures; with .npy each tensor has a file beside it, and ' +
    'those are in a .json file.',
  examples: [
    { call: 'mia represent --run runs/va-mia --out sgir.safetensors a-folder/', what: 'one file with all' },
    {
      call: 'mia represent --run runs/va-mia --out sgir.npy --attention photo.jpg',
      what: 'sgir.npy, sgir.attention.visual.1.npy, ..., sgir.json',
    },
  ],
  arguments: { images: many('pictures, and folders of pictures') },
  options: {
    run: text('folder', 'the folder of a run with MIA', { required: true }),
    out: text('file', 'the file to write, .safetensors or .npy', { required: true }),
    attention: flag('write the attention of each iteration too'),
    cnn: text('path', 'the network of the features, if it is not where it was'),
    detector: text('path', 'the detector of its regions, if it is not where it was'),
  },
  async run({ images, run, out, attention, cnn, detector }, { signal, report }) {
    const { findImages } = await import('../image-files.ts')
    const { representImages } = await import('../../caption/representations.ts')
    const { representationFormat, writeRepresentations } = await import('../../disk/representations.ts')
    const { openRun } = await import('../../disk/run.ts')
    const { nodeEngine } = await import('../../hosts/node/engine.ts')
    const { checkWritable } = await import('../../disk/files.ts')
    representationFormat(out) // before the work
    await checkWritable(out)
    const files = await findImages(images)
    const onProgress = report.progress('Representations', 'pictures')
    const options = {
      attention,
      onProgress,
      signal,
      ...(cnn !== undefined && { cnn }),
      ...(detector !== undefined && { detector }),
    }
    const represented = await representImages(nodeEngine, await openRun(run), files, options)
    const { names, tensors, skipped } = represented
    for (const { image, reason } of skipped) report.warn(`skipped ${image}: ${reason}`)
    if (names.length === 0) throw new UserError('Cannot represent: none of the pictures can be read')
    const written = await writeRepresentations(out, run, represented)
    const shapes = Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]))
    return {
      json: { images: names, tensors: shapes, written, skipped },
      text: [
        `${counted(names.length, 'picture')} in ${written.join(', ')}`,
        ...Object.entries(shapes).map(([name, shape]) => `  ${name} [${shape.join(', ')}]`),
      ].join('\n'),
      failed: skipped.length > 0,
    }
  },
})
