import { LOW_CONFIDENCE } from '../../caption/calibration.ts'
import { UsageError } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { choice, flag, many, repeated, text } from '../options.ts'
import { partAnswer, refuseShardOnRanks } from '../parts.ts'
import { photoSearchOf, SEARCH_OF_PHOTOGRAPHS } from '../search-options.ts'
import { DEVICE, NETWORKS, PRECISION, SHARD } from '../shared-options.ts'

type ImageCaption = import('../../caption/photo-caption.ts').ImageCaption
type ExplainedCaption = import('../../caption/photo-caption.ts').ExplainedCaption

const WRITE = { group: 'To write captions' } as const

/** `mia caption`: captions image files with a trained captioner. */
export const caption = defineCommand({
  name: 'caption',
  summary: 'caption images, and show what each word is based on',
  description:
    'Captions images with the pretrained captioner, or with one that you trained (--run). Prints each caption with its ' +
    'confidence (the probability that it fits, of packaged captioners, and else the mean probability of its words) and ' +
    'the most probable concepts in the image. ' +
    '--json adds the probability of every word. --explain writes an HTML page with an attention map for every word. ' +
    'Images that cannot be read are skipped and named, and the exit status is then 1, unless all of them are files of ' +
    'formats that are not read, such as HEIC, in a folder. --write writes each caption as ' +
    'soon as it is made: txt into a text file next to its image; csv, jsonl or coco (results for "mia eval") into one ' +
    'file. Stopped or killed, the same command with --skip-existing captions the images that are left.',
  examples: [
    { call: 'mia caption photo.jpg', what: 'an image' },
    { call: "mia caption a-folder/ 'b/*.png' --json", what: 'a folder and the matches of a pattern, as JSON' },
    { call: 'mia caption --explain why.html photo.jpg', what: 'a page with attention maps' },
    { call: 'mia caption photos/ --write csv --skip-existing', what: 'a library: a table that can be resumed' },
    { call: "mia caption photos/ --write txt --prefix 'a photo, '", what: 'a text file next to each image' },
    {
      call: 'mia caption --no-block-repeated-words --length-penalty none --concept-weight 0 photo.jpg',
      what: 'the published search: words may come twice, shorter captions win',
    },
    { call: 'mia caption --captions 3 --groups 3 photo.jpg', what: 'three captions that differ' },
    { call: 'mia caption --require dog,puppy --require ball photo.jpg', what: 'a caption with these words' },
    { call: 'mia caption --sample --top-p 0.9 --captions 5 photo.jpg', what: 'five captions drawn by chance' },
    { call: 'mia caption - < photo.jpg', what: 'an image on standard input' },
    { call: 'mpirun -n 4 npx mia caption photos/ --write csv', what: 'a library, shared out among four ranks of MPI' },
    { call: 'mia caption photos/ --write csv --shard 2/8', what: 'the second of eight parts, each a job of its own' },
    { call: 'mia caption --run runs/va-mia --cnn mobilenet_v2.onnx photo.jpg', what: 'with your own captioner' },
  ],
  arguments: { images: many('images, folders of images, patterns such as "photos/*.jpg", or - for standard input') },
  options: {
    explain: text('file', 'write a page that explains the captions: one .html file, works offline'),
    run: repeated(
      text('folder', 'trained captioner (default: the pretrained one); given again, they caption together'),
    ),
    ...NETWORKS,
    precision: PRECISION,
    device: DEVICE,
    prefix: text('text', 'text before each caption'),
    recursive: flag('search the folders below too: the default; not with --no-recursive', { default: true }),
    write: choice('format', 'write the captions to files', ['txt', 'csv', 'jsonl', 'coco'], WRITE),
    out: text('file', 'file to write (default: captions.csv, .jsonl or .json, in the folder if one is given)', WRITE),
    skipExisting: flag('keep the captions that are written, and caption the other images', WRITE),
    ...SEARCH_OF_PHOTOGRAPHS,
    ...SHARD,
  },
  ranks: true,
  async run(
    { images: paths, run, cnn, detector, explain, recursive, precision, device, prefix = '', shard, ...asked },
    { signal, report, ranks },
  ) {
    refuseShardOnRanks(shard, ranks)
    if (explain !== undefined && (shard || ranks.size > 1))
      throw new UsageError('Cannot share out --explain: a page has few images; run it as one process')
    const search = await photoSearchOf(asked)
    if (explain !== undefined) {
      if (run.length > 1)
        throw new UsageError(
          `Cannot use --explain with ${run.length} runs: each attends in its own way; give one --run`,
        )
      if (search.captions > 1)
        throw new UsageError(`Cannot use --explain with --captions ${search.captions}: the page explains one caption`)
      await checkPage(explain)
    }
    const { findImages } = await import('../image-files.ts')
    const { whereToWrite, writeCaptions } = await import('../write-captions.ts')
    const { warnSkipped } = await import('../skipped.ts')
    const { Captioner } = await import('../../hosts/node/captioner.ts')
    const place = await whereToWrite(asked, paths)
    if (place && explain !== undefined)
      throw new UsageError('Cannot use both --explain and --write: the page has the captions; give one of them')
    if (search.captions > 1 && (place?.format === 'csv' || place?.format === 'coco'))
      throw new UsageError(
        `Cannot write --captions ${search.captions} as ${place.format}, which has one caption for an image: use --write jsonl or txt`,
      )
    const found = await findImages(paths, { signal, recursive })
    const { images, skipped: unreadable, named, leftOut } = found
    if (explain !== undefined) (await import('../../pages/explanation-page.ts')).checkExplained(images.length)
    const { asCaptioner, captionSharing, captionTogether } = await import('../caption-together.ts')
    const sharing = captionSharing({ ranks, shard, out: place?.out, signal }, [paths, run, search, images])
    const captioner = await Captioner.load(run.length > 0 ? run : undefined, {
      precision,
      ...(device && { device }),
      ...(cnn !== undefined && { cnn }),
      ...(detector !== undefined && { detector }),
    })
    try {
      const options = { ...search, signal, onProgress: report.progress('Captions', 'images') }
      const shared = sharing && (await captionTogether(captioner, images, options, sharing))
      if (sharing && !shared) return partAnswer(shard)
      if (place) {
        const writing = { ...options, ...place, prefix, skipExisting: asked.skipExisting }
        const answer = await writeCaptions(shared ? asCaptioner(images, shared) : captioner, found, writing, report)
        await sharing?.finish()
        return answer
      }
      const made =
        shared ??
        (await (explain === undefined ? captioner.captionAll(images, options) : captioner.explainAll(images, options)))
      const captions = made.captions.map(named).map(
        (each): ImageCaption => ({
          ...each,
          caption: prefix + each.caption,
          alternatives: each.alternatives.map((other) => ({ ...other, caption: prefix + other.caption })),
        }),
      )
      const skipped = [...unreadable, ...made.skipped.map(named)].sort((a, b) => a.index - b.index)
      if (explain !== undefined)
        await writePage(explain, captions as ExplainedCaption[], captioner.trained.config.model)
      warnSkipped(report, skipped)
      return {
        json: { captions: captions.map(withoutExplanation), skipped },
        text:
          captions.length === 0
            ? 'No captions: none of the images can be read'
            : captions.flatMap((each, i) =>
                describe(each, { i, calibrated: captioner.trained.calibration !== undefined }),
              ),
        failed: !skipped.every(leftOut),
      }
    } finally {
      await captioner.release()
    }
  },
})

/** The lines for a caption, an empty one before all but the first. */
function describe(
  { image, caption, confidence, alternatives, concepts }: ImageCaption,
  { i, calibrated }: { readonly i: number; readonly calibrated: boolean },
): string[] {
  const percent = (of: number): string => `${(100 * of).toFixed(0)}%`
  const named = concepts.map(({ word }) => word).join(', ')
  const meaning = calibrated ? (confidence < LOW_CONFIDENCE ? ' (low confidence)' : '') : ' (mean per word)'
  const lines =
    alternatives.length === 0
      ? [`  ${caption}`, `  confidence ${percent(confidence)}${meaning}${named && `; concepts: ${named}`}`]
      : [
          ...[{ caption, confidence }, ...alternatives].map(
            (each) => `  ${each.caption} (confidence ${percent(each.confidence)})`,
          ),
          ...(named ? [`  concepts: ${named}`] : []),
        ]
  return [...(i > 0 ? [''] : []), image, ...lines]
}

function withoutExplanation({ image, index, caption, words, probability, confidence, ...more }: ImageCaption): object {
  const { alternatives, concepts } = more
  const others = alternatives.length > 0 && { alternatives }
  return { image, index, caption, words, probability, confidence, ...others, concepts }
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
