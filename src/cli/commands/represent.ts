import { UserError } from '../../errors.ts'
import { counted } from '../../wording.ts'
import { defineCommand } from '../command.ts'
import { flag, many, text } from '../options.ts'
import { NETWORKS } from '../shared-options.ts'

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
    'concepts of the images; with .npy there is one file per tensor, and a .json file with the paths and concepts.',
  examples: [
    { call: 'mia represent --run runs/va-mia --out sgir.safetensors a-folder/', what: 'everything in one file' },
    {
      call: 'mia represent --run runs/va-mia --out sgir.npy --attention photo.jpg',
      what: 'writes sgir.npy, sgir.attention.visual.1.npy, ..., sgir.json',
    },
  ],
  arguments: { images: many('images, folders of images, patterns such as "photos/*.jpg", or - for standard input') },
  options: {
    run: text('folder', 'run folder of a captioner with MIA', { required: true }),
    out: text('file', 'file to write, .safetensors or .npy', { required: true }),
    attention: flag('also write the attention weights of each iteration'),
    ...NETWORKS,
  },
  async run({ images: paths, run, out, attention, cnn, detector }, { signal, report }) {
    const { findImages } = await import('../image-files.ts')
    const { representImages } = await import('../../caption/representations.ts')
    const { representationFormat, writeRepresentations } = await import('../../disk/representations.ts')
    const { openRun } = await import('../../disk/run.ts')
    const { nodeEngine } = await import('../../hosts/node/engine.ts')
    const { checkWritable } = await import('../../disk/files.ts')
    representationFormat(out) // before the work
    await checkWritable(out)
    const { images, skipped: unreadable, named } = await findImages(paths, { signal })
    const represented = await representImages(nodeEngine, await openRun(run), images, {
      attention,
      onProgress: report.progress('Representations', 'images'),
      signal,
      ...(cnn !== undefined && { cnn }),
      ...(detector !== undefined && { detector }),
    })
    const skipped = [...unreadable, ...represented.skipped.map(named)].sort((a, b) => a.index - b.index)
    for (const { image, reason } of skipped) report.warn(`skipped ${image}: ${reason}`)
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
      failed: skipped.length > 0,
    }
  },
})
