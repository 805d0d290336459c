import { UsageError } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { many, positive, text } from '../options.ts'

type Captioner = import('../../hosts/node/captioner.ts').Captioner
type PhotoCaption = import('../../caption/captioner.ts').PhotoCaption
type Captions = import('../../caption/captioner.ts').Captions<PhotoCaption>
type CaptionAllOptions = import('../../caption/captioner.ts').CaptionAllOptions
type ImageInput = import('../../engine/pictures.ts').ImageInput

export const caption = defineCommand({
  name: 'caption',
  summary: 'caption your own pictures',
  description:
    'Captions pictures with the captioner that comes with this package, or with a run of your own. Says how sure it is of a word, on average, and ' +
    'which concepts it saw. With --json also the probability of each word. With --explain a page that shows for each word where the ' +
    'model looked, and which concepts each region was aligned with. The network that makes the features of a run is looked for where it was when the run was trained.',
  examples: [
    { call: 'mia caption photo.jpg', what: 'a picture' },
    { call: "mia caption a-folder/ 'b/*.png' --json", what: 'a folder of them, and all that fit a pattern' },
    { call: 'mia caption --explain why.html photo.jpg', what: 'a page that shows why' },
    { call: 'mia caption - < photo.jpg', what: 'a picture on standard input' },
    { call: 'mia caption --run runs/va-mia --cnn mobilenet_v2.onnx photo.jpg', what: 'with a run of your own' },
  ],
  arguments: { images: many('pictures, folders of pictures, patterns such as "photos/*.jpg"; - is standard input') },
  options: {
    explain: text('file', 'write a page that says why, an .html file: it opens in any browser, offline'),
    run: text('folder', "a run's folder; by default the captioner that comes with this package"),
    cnn: text('path', 'the network of the features, if it is not where it was'),
    detector: text('path', 'the detector of its regions, if it is not where it was'),
    beam: positive('n', 'hypotheses kept while searching; 1 is greedy', { default: 3 }),
    maxLength: positive('words', 'words a caption may have', { default: 20 }),
  },
  async run({ images, run, cnn, detector, beam, maxLength, explain }, { signal, report }) {
    if (explain !== undefined) await checkPage(explain)
    const { findImages } = await import('../image-files.ts')
    const { Captioner } = await import('../../hosts/node/captioner.ts')
    const pictures = await findImages(images)
    const captioner = await Captioner.load(run, {
      ...(cnn !== undefined && { cnn }),
      ...(detector !== undefined && { detector }),
    })
    const onProgress = report.progress('Captions', 'pictures')
    const options = { beam, maxLength, signal, onProgress }
    const named = <T extends { readonly image: string; readonly index: number }>(each: T): T =>
      pictures[each.index] instanceof Uint8Array ? { ...each, image: 'standard input' } : each
    const { captions, skipped } = await (explain === undefined
      ? captioner.captionAll(pictures, options)
      : explainTo(explain, captioner, pictures, options, named)
    ).finally(() => captioner.release())
    const [captioned, notCaptioned] = [captions.map(named), skipped.map(named)]
    for (const { image, reason } of notCaptioned) report.warn(`skipped ${image}: ${reason}`)
    return {
      json: { captions: captioned, skipped: notCaptioned },
      text:
        captioned.length > 0 ? captioned.map(describe).join('\n\n') : 'No captions: none of the pictures can be read',
      failed: notCaptioned.length > 0,
    }
  },
})

/** A caption for people: the picture, the sentence, how sure, what was seen. */
function describe({ image, caption, confidence, concepts }: PhotoCaption): string {
  const seen = concepts.length > 0 ? `; saw ${concepts.map(({ word }) => word).join(', ')}` : ''
  return `${image}\n  ${caption}\n  ${(100 * confidence).toFixed(0)}% sure of a word${seen}`
}

/** Refuses, before any work, a page that could not be written, and one that was to be a picture: its own name was forgotten. */
async function checkPage(path: string): Promise<void> {
  if (!/\.html?$/i.test(path))
    throw new UsageError(`Cannot explain to "${path}": the page's name must end in .html, as in --explain why.html`)
  const { checkWritable } = await import('../../disk/files.ts')
  await checkWritable(path)
}

/** Captions pictures and writes the page that explains the captions. */
async function explainTo(
  path: string,
  captioner: Captioner,
  pictures: readonly ImageInput[],
  options: CaptionAllOptions,
  named: <T extends { readonly image: string; readonly index: number }>(each: T) => T,
): Promise<Captions> {
  const { explanationPage } = await import('../../pages/explanation-page.ts')
  const { writeFileAtomic } = await import('../../disk/files.ts')
  const { nodePictures } = await import('../../hosts/node/pictures.ts')
  const { captions, skipped } = await captioner.explainAll(pictures, options)
  await writeFileAtomic(path, await explanationPage(nodePictures, captions.map(named), captioner.trained.config.model))
  const plain = captions.map(({ allConcepts: _, explanation: __, boxes: ___, picture: ____, ...caption }) => caption)
  return { captions: plain, skipped }
}
