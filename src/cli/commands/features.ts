import { UsageError } from '../../errors.ts'
import type { Extraction, ImageFile } from '../../vision/index.ts'
import { counted, thousands } from '../../wording.ts'
import { defineCommand, type Session, type Values } from '../command.ts'
import { choice, count, flag, positive, text } from '../options.ts'

const options = {
  data: text('folder', 'dataset folder, made by "mia prepare"', { required: true }),
  cnn: text(
    'path',
    'the network, an ONNX file that takes one picture [pictures, 3, height, width]; by default the one that comes with npm',
  ),
  detector: text(
    'path',
    'regions are the objects it finds, not the cells of a grid: YOLOX as ONNX, or "builtin" for the detector that comes with npm',
  ),
  boxPosition: flag("follow each object's feature by its box's edges and area; with --detector"),
  bottomUp: text('path', 'published bottom-up features: a TSV file, or a folder with cocobu_att'),
  layer: text('name', 'the layer whose map is kept; by default "features", or else the last map'),
  size: positive('pixels', 'width and height of the pictures, for a network that takes any; by default 224'),
  normalisation: choice(
    'name',
    "how it wants its pictures; by default what is known of the file, or else torchvision's",
    ['imagenet', 'symmetric', 'bgr255'],
  ),
  augmentations: count(
    'n',
    'further augmentations of each training picture to train on: crops of 7/8, every other one mirrored',
    {
      default: 0,
    },
  ),
  batchSize: positive('pictures', 'pictures seen at once', { default: 8 }),
}

export const features = defineCommand({
  name: 'features',
  summary: 'see every picture as regions, by a pretrained network',
  description:
    'Runs a pretrained network over all pictures of a dataset and keeps the cells of its map as the regions of the ' +
    'picture, in float16: the network that comes with npm, or an ONNX file cut at a layer. The features say which ' +
    'network, layer and preprocessing made them. With --detector the regions are objects, 10 to 100 a picture, each ' +
    'with the mean of the map inside its box. ' +
    'Broken pictures are left out and named. Stopped, it goes on where it was. With --bottom-up nothing is run: the ' +
    'features of the regions that the bottom-up detector found are read as they were published.',
  examples: [
    { call: 'mia features --data data/flickr8k', what: 'the network that comes with npm' },
    {
      call: 'mia features --data data/flickr8k --cnn mobilenet_v2.onnx',
      what: 'the tensor "features", or else the last map',
    },
    { call: 'mia features --data data/flickr8k --cnn resnet152.onnx --layer layer4', what: 'another layer' },
    {
      call: 'mia features --data data/flickr8k --augmentations 3',
      what: 'and three crops of each training picture, for "mia train --augmentations 3"',
    },
    {
      call: 'mia features --data data/coco --detector builtin',
      what: 'objects, found by the detector that comes with npm',
    },
    { call: 'mia features --data data/coco --cnn mobilenet_v2.onnx --detector yolox_nano.onnx', what: 'by another' },
    {
      call: 'mia features --data data/coco --bottom-up trainval.tsv',
      what: 'published features, 10 to 100 or 36 regions each',
    },
  ],
  options,
  async run(values, session) {
    const { data, bottomUp } = values
    refuseContradictions(values)
    const { Dataset } = await import('../../data/dataset.ts')
    const dataset = await Dataset.open(data, { signal: session.signal })
    const { withAugmentations } = await import('../../vision/augmentation.ts')
    const images: ImageFile[] = []
    for (const image of dataset.images) {
      const count = image.split === 'train' ? values.augmentations : 0
      images.push(...(await withAugmentations({ id: image.id, path: dataset.imagePath(image) }, count)))
    }
    const { what, source, ...done } = await (bottomUp === undefined
      ? made(values, images, session)
      : published(bottomUp, data, images, session))
    const { leftOut, kept } = done
    for (const { file, why } of leftOut) session.report.warn(`left out ${file}: ${why}`)
    return {
      json: { data, made: done.made, kept, leftOut, ...source },
      text:
        `${counted(done.made + kept, 'picture')}${values.augmentations > 0 ? ', augmentations counted,' : ''} with ${what} (${thousands(done.made)} made now)` +
        (leftOut.length > 0 ? `; ${counted(leftOut.length, 'picture')} left out` : ''),
      next: `mia concepts train --data ${data}`,
    }
  },
})

/** Options that say nothing together; what they would do is not guessed. */
function refuseContradictions(values: Values<typeof options>): void {
  const { cnn, bottomUp, detector, layer, size, normalisation, augmentations, boxPosition } = values
  if (boxPosition && detector === undefined)
    throw new UsageError('Cannot use --box-position without --detector: the cells of a grid have their places anyway')
  const makers = { '--cnn': cnn, '--detector': detector }
  for (const [name, given] of Object.entries(makers))
    if (bottomUp !== undefined && given !== undefined)
      throw new UsageError(`Cannot make features with both --bottom-up and ${name}: give one of them`)
  for (const [name, given] of Object.entries({ '--bottom-up': bottomUp, '--detector': detector }))
    if (augmentations > 0 && given !== undefined)
      throw new UsageError(`Cannot make --augmentations with ${name}: augmentations are made of grids`)
  const cuts = { '--layer': layer, '--size': size, '--normalisation': normalisation }
  for (const [name, given] of Object.entries(cuts))
    if (cnn === undefined && given !== undefined)
      throw new UsageError(`Cannot use ${name} without --cnn: it says how a network of your own is used`)
}

type Made = Extraction & { readonly what: string; readonly source: object }

/** The cells of a network's map, or what the map has inside the boxes of a detector. */
async function made(
  { data, cnn, layer, size, normalisation, batchSize, detector, boxPosition }: Values<typeof options>,
  images: readonly ImageFile[],
  { signal, report }: Session,
): Promise<Made> {
  const {
    BUILTIN,
    extractFeatures,
    extractRegions,
    normalisations,
    openDetector,
    openNetwork,
    RegionFinder,
    sourceOf,
  } = await import('../../vision/index.ts')
  const { featuresFolder } = await import('../../disk/dataset-files.ts')
  const { FeatureWriter } = await import('../../disk/feature-writer.ts')
  const { nodeEngine: engine } = await import('../../hosts/node/engine.ts')
  const { pictures } = engine
  const network = await openNetwork(engine, cnn ?? BUILTIN, {
    ...(size !== undefined && { width: size, height: size }),
    ...(layer !== undefined && { layer }),
    ...(normalisation && { normalisation: normalisations[normalisation] }),
  })
  const finder =
    detector === undefined
      ? undefined
      : new RegionFinder(await openDetector(engine, detector), network, { pictures, position: boxPosition })
  const store = await FeatureWriter.open(featuresFolder(data), finder?.source ?? sourceOf(network))
  const onProgress = report.progress('Features', 'pictures')
  const done = await (finder
    ? extractRegions({ images, finder, store, onProgress, signal })
    : extractFeatures({ images, network, pictures, store, batchSize, onProgress, signal })
  ).finally(async () => {
    await store.close() // keeps what is done, also when stopped
    ;(finder ?? network).release()
  })
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

/** Published bottom-up features. */
async function published(
  path: string,
  data: string,
  images: readonly ImageFile[],
  { signal, report }: Session,
): Promise<Made> {
  const { importBottomUp } = await import('../../disk/bottom-up-import.ts')
  const { featuresFolder } = await import('../../disk/dataset-files.ts')
  const onProgress = report.progress('Features', 'pictures')
  const { source, ...done } = await importBottomUp(path, featuresFolder(data), { images, onProgress, signal })
  return { ...done, what: `up to ${source.regions} bottom-up regions of ${source.size}`, source: { bottomUp: source } }
}
