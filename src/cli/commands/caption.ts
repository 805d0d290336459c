import { UserError } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { many, positive, text } from '../options.ts'
import { table } from '../output.ts'

type PhotoCaptioner = import('../../photos/captioner.ts').PhotoCaptioner
type PhotoCaption = import('../../photos/captioner.ts').PhotoCaption
type CaptionOptions = import('../../photos/captioner.ts').CaptionOptions
type Refused = import('../../photos/reader.ts').Refused

export const caption = defineCommand({
  name: 'caption',
  summary: 'caption your own pictures',
  description:
    'Captions pictures, or all pictures of folders, with a trained run. The network that makes the features is looked ' +
    'for where it was when the run was trained. With --json also the probability of each word and the concepts found. With ' +
    '--explain a page that shows for each word where the model looked, and which concepts each region was aligned with.',
  examples: [
    { call: 'mia caption --run runs/va-mia photo.jpg other.png a-folder/', what: 'pictures and a folder of them' },
    {
      call: 'mia caption --run runs/va-mia --cnn mobilenet_v2.onnx --json photo.jpg',
      what: 'with another path to the network',
    },
    { call: 'mia caption --run runs/va-mia --explain why.html photo.jpg', what: 'a page that shows why' },
  ],
  arguments: { images: many('pictures, and folders of pictures') },
  options: {
    explain: text('file', 'write a page, out.html, that says why: it opens in any browser, offline'),
    run: text('folder', "the run's folder", { required: true }),
    cnn: text('path', 'the network of the features, if it is not where it was'),
    detector: text('path', 'the detector of its regions, if it is not where it was'),
    beam: positive('n', 'hypotheses kept while searching; 1 is greedy', { default: 3 }),
    maxLength: positive('words', 'words a caption may have', { default: 20 }),
  },
  async run({ images, run, cnn, detector, beam, maxLength, explain }, { signal, report }) {
    const { findImages } = await import('../image-files.ts')
    const { PhotoCaptioner } = await import('../../photos/captioner.ts')
    const files = await findImages(images)
    const captioner = await PhotoCaptioner.load(run, {
      ...(cnn !== undefined && { cnn }),
      ...(detector !== undefined && { detector }),
    })
    const onProgress = report.progress('Captions', 'pictures')
    const { captions, refused } = await (explain === undefined
      ? captioner.caption(files, { beam, maxLength, signal, onProgress })
      : explainTo(explain, captioner, files, { beam, maxLength, signal, onProgress })
    ).finally(() => captioner.release())
    for (const { image, why } of refused) report.warn(`left out ${image}: ${why}`)
    if (captions.length === 0) throw new UserError('Cannot caption: none of the pictures can be read')
    return {
      json: { captions, refused },
      text: table([['picture', 'caption'], ...captions.map(({ image, caption }) => [image, caption])]),
      failed: refused.length > 0,
    }
  },
})

/** Captions pictures and writes the page that explains the captions. */
async function explainTo(
  path: string,
  captioner: PhotoCaptioner,
  files: readonly string[],
  options: CaptionOptions,
): Promise<{ captions: PhotoCaption[]; refused: Refused[] }> {
  const { explanationPage } = await import('../../photos/explanation-page.ts')
  const { writeFileAtomic } = await import('../../files.ts')
  const { captions, refused } = await captioner.explain(files, options)
  await writeFileAtomic(path, await explanationPage(captions, captioner.run.config.model))
  const plain = captions.map(({ allConcepts: _, explanation: __, boxes: ___, ...caption }) => caption)
  return { captions: plain, refused }
}
