import { CPU } from '../../device.ts'
import { UsageError, UserError } from '../../errors.ts'
import type { Extraction, ImageFile } from '../../vision/index.ts'
import { counted, thousands } from '../../wording.ts'
import { type Context, defineCommand, type Values } from '../command.ts'
import { choice, count, flag, positive, text } from '../options.ts'
import { shellQuoted } from '../output.ts'
import { partAnswer, refuseShardOnRanks } from '../parts.ts'
import { DEVICE, SHARD } from '../shared-options.ts'

const CNN = { group: 'Your own CNN (--cnn)' } as const
const OBJECTS = { group: 'Objects as regions' } as const

const options = {
  data: text('folder', 'dataset folder, made by "mia prepare"', { required: true }),
  split: choice('name', 'only the images of this split (default: all images)', ['train', 'val', 'test']),
  augmentations: count('n', 'augmentations of each training image: crops of 7/8, every other one mirrored', {
    default: 0,
    max: 1000,
  }),
  batchSize: positive('images', 'images per batch', { default: 8, max: 1024 }),
  device: DEVICE,

  cnn: text('path', 'ONNX file of a vision network: CNN, ViT, CLIP, ... (default: the pretrained CNN)', CNN),
  layer: text('name', 'tensor that is the feature map or the tokens (default: the last one before pooling)', CNN),
  size: positive(
    'pixels',
    'image width and height, for a CNN that takes any (default: that of its preprocessor_config.json, or 224)',
    { max: 16_384, ...CNN },
  ),
  normalisation: choice(
    'name',
    'how pixels are normalised (default: as its preprocessor_config.json says, else imagenet, as in torchvision)',
    ['imagenet', 'symmetric', 'bgr255'],
    CNN,
  ),

  detector: text('path', 'regions are the objects of a detector: YOLOX as ONNX, or "builtin"', OBJECTS),
  boxPosition: flag('append the edges and the area of the box to the feature of each object', OBJECTS),
  bottomUp: text(
    'path',
    'import published bottom-up features: a TSV file, or a folder with a .npy or .npz file for each image',
    OBJECTS,
  ),
  ...SHARD,
}

/** `mia features`: extracts or imports the features of a dataset. */
export const features = defineCommand({
  name: 'features',
  summary: 'extract region features with a pretrained CNN',
  description:
    'Extracts the features of the images of a dataset, in float16. By default the regions of an image are the 7 x 7 ' +
    'cells of the feature map of a pretrained CNN; --cnn takes another, in ONNX. With --detector the regions are 10 to ' +
    '100 detected objects, each with the mean of the feature map in its box. With --bottom-up, published features are ' +
    'imported instead. Images that cannot be read are skipped and named.',
  examples: [
    { call: 'mia features --data data/flickr8k', what: 'the pretrained CNN' },
    { call: 'mia features --data data/flickr8k --cnn mobilenet_v2.onnx', what: 'your own CNN' },
    { call: 'mia features --data data/flickr8k --cnn resnet152.onnx --layer layer4', what: 'another layer' },
    {
      call: 'mia features --data data/flickr8k --augmentations 3',
      what: 'three crops of each training image, for "mia train --augmentations 3"',
    },
    {
      call: 'mia features --data data/flickr8k --split val',
      what: 'the validation images, which are all that "mia compare" and "mia test --split val" need',
    },
    { call: 'mia features --data data/coco --detector builtin', what: 'objects, by the detector that npm installs' },
    {
      call: 'mia features --data data/coco --cnn mobilenet_v2.onnx --detector yolox_nano.onnx',
      what: 'objects, by another detector and CNN',
    },
    { call: 'mpirun -n 4 npx mia features --data data/coco', what: 'shared out among four ranks of MPI' },
    { call: 'mia features --data data/coco --shard 2/8', what: 'the second of eight parts, each a job of its own' },
    {
      call: 'mia features --data data/coco --bottom-up trainval.tsv',
      what: 'published bottom-up features, 10 to 100 or 36 regions per image',
    },
  ],
  options,
  resumes: true,
  ranks: true,
  async run(values, context) {
    const { data, bottomUp, shard } = values
    refuseContradictions(values)
    refuseShardOnRanks(shard, context.ranks)
    if (bottomUp !== undefined && (shard || context.ranks.size > 1))
      throw new UsageError('Cannot share out --bottom-up: importing only copies; run it as one process')
    const { Dataset } = await import('../../data/dataset.ts')
    const dataset = await Dataset.open(data, { signal: context.signal })
    const { withAugmentations } = await import('../../vision/augmentation.ts')
    const images: ImageFile[] = []
    const { split } = values
    const wanted = split === undefined ? dataset.images : dataset.split(split)
    if (wanted.length === 0)
      throw new UserError(
        `Cannot extract features of ${split === undefined ? `"${data}"` : `the ${split} split of "${data}"`}: it has no ` +
          `images; ${split === undefined ? 'prepare the dataset again' : 'leave out --split, or name another'}`,
      )
    for (const image of wanted) {
      const count = image.split === 'train' ? values.augmentations : 0
      images.push(...(await withAugmentations({ id: image.id, path: dataset.imagePath(image) }, count)))
    }
    const extracted = await (bottomUp === undefined
      ? extract(values, images, context)
      : importPublished(bottomUp, data, images, context))
    if (!extracted) return partAnswer(shard)
    const { what, source, ...done } = extracted
    const skipped = done.skipped.map(({ file, reason }) => ({ image: file, reason }))
    for (const { image, reason } of skipped) context.report.warn(`skipped ${image}: ${reason}`)
    const augmented = values.augmentations > 0 ? ' (augmentations included)' : ''
    const sentence = `${counted(done.made + done.kept, 'image')}${augmented} with ${what}, ${thousands(done.made)} of them new`
    return {
      json: { data, made: done.made, kept: done.kept, skipped, ...source },
      text: skipped.length > 0 ? `${sentence}; ${counted(skipped.length, 'image')} skipped` : sentence,
      next: await nextFor(data, split),
    }
  },
})

/**
 * The command after this one. A dataset of "mia cnn tune" has a concept detector already; to train one, all splits must
 * have features.
 */
async function nextFor(data: string, split: string | undefined): Promise<string> {
  const { existsSync } = await import('node:fs')
  const { conceptsFolder } = await import('../../disk/dataset-files.ts')
  const { detectorFiles } = await import('../../disk/concept-files.ts')
  const trained = existsSync(detectorFiles(conceptsFolder(data)).info)
  if (!trained && split !== undefined) return `mia features --data ${shellQuoted(data)}`
  return `mia concepts ${trained ? 'detect' : 'train'} --data ${shellQuoted(data)}`
}

/** Throws UsageError for options that contradict each other. */
function refuseContradictions(values: Values<typeof options>): void {
  const { cnn, bottomUp, detector, layer, size, normalisation, augmentations, boxPosition, split } = values
  if (augmentations > 0 && split !== undefined && split !== 'train')
    throw new UsageError(`Cannot use --augmentations with --split ${split}: only training images are augmented`)
  if (boxPosition && detector === undefined)
    throw new UsageError('Cannot use --box-position without --detector: it describes the boxes of detected objects')
  for (const [name, given] of Object.entries({ '--cnn': cnn, '--detector': detector }))
    if (bottomUp !== undefined && given !== undefined)
      throw new UsageError(`Cannot extract features with both --bottom-up and ${name}: give one of them`)
  for (const [name, given] of Object.entries({ '--bottom-up': bottomUp, '--detector': detector }))
    if (augmentations > 0 && given !== undefined)
      throw new UsageError(`Cannot use --augmentations with ${name}: only grid features can be augmented`)
  for (const [name, given] of Object.entries({ '--layer': layer, '--size': size, '--normalisation': normalisation }))
    if (cnn === undefined && given !== undefined)
      throw new UsageError(`Cannot use ${name} without --cnn: it says how to use your own CNN`)
}

type Extracted = Extraction & { readonly what: string; readonly source: object }

/** Extracts grid features, or with a detector those of objects; undefined where parts are not put together. */
async function extract(
  {
    data,
    cnn,
    layer,
    size,
    normalisation,
    batchSize,
    detector,
    boxPosition,
    device = CPU,
    shard,
  }: Values<typeof options>,
  images: readonly ImageFile[],
  { signal, report, ranks }: Context,
): Promise<Extracted | undefined> {
  const {
    BUILTIN,
    extractFeatures,
    extractRegions,
    NORMALISATIONS,
    openDetector,
    openNetwork,
    RegionFinder,
    sourceOf,
  } = await import('../../vision/index.ts')
  const { featuresFolder } = await import('../../disk/dataset-files.ts')
  const { extractTogether } = await import('../extract-together.ts')
  const { engineOn } = await import('../../hosts/node/engine.ts')
  const engine = engineOn(device)
  const { pictures } = engine
  const network = await openNetwork(engine, cnn ?? BUILTIN, {
    ...(size !== undefined && { width: size, height: size }),
    ...(layer !== undefined && { layer }),
    ...(normalisation && { normalisation: NORMALISATIONS[normalisation] }),
  })
  const finder =
    detector === undefined
      ? undefined
      : new RegionFinder(await openDetector(engine, detector), network, { pictures, position: boxPosition })
  const onProgress = report.progress('Features', 'images')
  const done = await extractTogether(
    { folder: featuresFolder(data), source: finder?.source ?? sourceOf(network), images, ranks, shard, signal },
    (mine) =>
      finder
        ? extractRegions({ ...mine, finder, onProgress })
        : extractFeatures({ ...mine, network, pictures, batchSize, onProgress }),
  ).finally(() => (finder ?? network).release())
  if (!done) return undefined
  const { regions, sha256 } = network
  const from = `from layer "${network.layer}"`
  return {
    ...done,
    what: finder
      ? `10 to 100 objects of ${finder.source.size} ${from}`
      : `${regions} regions of ${network.size} ${from}`,
    source: {
      network: { layer: network.layer, regions, size: network.size, sha256 },
      ...(finder && { detector: finder.source.detector }),
    },
  }
}

/** Imports published bottom-up features. */
async function importPublished(
  path: string,
  data: string,
  images: readonly ImageFile[],
  { signal, report }: Context,
): Promise<Extracted> {
  const { importBottomUp } = await import('../../disk/bottom-up-import.ts')
  const { featuresFolder } = await import('../../disk/dataset-files.ts')
  const onProgress = report.progress('Features', 'images')
  const { source, ...done } = await importBottomUp(path, featuresFolder(data), { images, onProgress, signal })
  return { ...done, what: `up to ${source.regions} bottom-up regions of ${source.size}`, source: { bottomUp: source } }
}
