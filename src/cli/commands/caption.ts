import { UsageError } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { many, text } from '../options.ts'
import { BEAM, MAX_LENGTH, NETWORKS } from '../shared-options.ts'

type PhotoCaption = import('../../caption/captioner.ts').PhotoCaption
type ExplainedCaption = import('../../caption/captioner.ts').ExplainedCaption

/** `mia caption`: captions image files with a trained captioner. */
export const caption = defineCommand({
  name: 'caption',
  summary: 'caption images, and show what each word is based on',
  description:
    'Captions images with the pretrained captioner, or with one that you trained (--run). Prints each caption with its ' +
    'confidence (the geometric mean of the probabilities of its words) and the most probable concepts in the image. ' +
    '--json adds the probability of every word. --explain writes an HTML page with an attention map for every word. ' +
    'Images that cannot be read are skipped and named, and the exit status is then 1.',
  examples: [
    { call: 'mia caption photo.jpg', what: 'an image' },
    { call: "mia caption a-folder/ 'b/*.png' --json", what: 'a folder and the matches of a pattern, as JSON' },
    { call: 'mia caption --explain why.html photo.jpg', what: 'a page with attention maps' },
    { call: 'mia caption - < photo.jpg', what: 'an image on standard input' },
    { call: 'mia caption --run runs/va-mia --cnn mobilenet_v2.onnx photo.jpg', what: 'with your own captioner' },
  ],
  arguments: { images: many('images, folders of images, patterns such as "photos/*.jpg", or - for standard input') },
  options: {
    explain: text('file', 'write a page that explains the captions: one .html file, works offline'),
    run: text('folder', 'folder of a trained captioner (default: the pretrained one)'),
    ...NETWORKS,
    beam: BEAM,
    maxLength: MAX_LENGTH,
  },
  async run({ images: paths, run, cnn, detector, beam, maxLength, explain }, { signal, report }) {
    if (explain !== undefined) await checkPage(explain)
    const { findImages } = await import('../image-files.ts')
    const { Captioner } = await import('../../hosts/node/captioner.ts')
    const { images, skipped: unreadable, named } = await findImages(paths, { signal })
    if (explain !== undefined) (await import('../../pages/explanation-page.ts')).checkExplained(images.length)
    const captioner = await Captioner.load(run, {
      ...(cnn !== undefined && { cnn }),
      ...(detector !== undefined && { detector }),
    })
    try {
      const options = { beam, maxLength, signal, onProgress: report.progress('Captions', 'images') }
      const found = await (explain === undefined
        ? captioner.captionAll(images, options)
        : captioner.explainAll(images, options))
      const captions = found.captions.map(named)
      const skipped = [...unreadable, ...found.skipped.map(named)].sort((a, b) => a.index - b.index)
      if (explain !== undefined)
        await writePage(explain, captions as ExplainedCaption[], captioner.trained.config.model)
      for (const { image, reason } of skipped) report.warn(`skipped ${image}: ${reason}`)
      return {
        json: { captions: captions.map(withoutExplanation), skipped },
        text: captions.length === 0 ? 'No captions: none of the images can be read' : captions.flatMap(describe),
        failed: skipped.length > 0,
      }
    } finally {
      await captioner.release()
    }
  },
})

/** The lines for a caption, an empty one before all but the first. */
function describe({ image, caption, confidence, concepts }: PhotoCaption, i: number): string[] {
  const named = concepts.length > 0 ? `; concepts: ${concepts.map(({ word }) => word).join(', ')}` : ''
  const percent = (100 * confidence).toFixed(0)
  return [...(i > 0 ? [''] : []), image, `  ${caption}`, `  confidence ${percent}% (mean per word)${named}`]
}

function withoutExplanation({ image, index, caption, words, probability, confidence, concepts }: PhotoCaption): object {
  return { image, index, caption, words, probability, confidence, concepts }
}

/** Throws UserError, before any work, for a page that cannot be written, or whose name is that of an image instead. */
async function checkPage(path: string): Promise<void> {
  if (!/\.html?$/i.test(path))
    throw new UsageError(`Cannot explain to "${path}": the page's name must end in .html, as in --explain why.html`)
  const { checkWritable } = await import('../../disk/files.ts')
  await checkWritable(path)
}

type Model = Parameters<typeof import('../../pages/explanation-page.ts').explanationPage>[2]

async function writePage(path: string, captions: readonly ExplainedCaption[], model: Model): Promise<void> {
  const { explanationPage } = await import('../../pages/explanation-page.ts')
  const { writeFileAtomic } = await import('../../disk/files.ts')
  const { nodePictures } = await import('../../hosts/node/pictures.ts')
  await writeFileAtomic(path, explanationPage(nodePictures, captions, model))
}
