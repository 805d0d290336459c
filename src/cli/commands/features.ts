import { UsageError } from '../../errors.ts'
import type { Extraction, ImageFile } from '../../vision/index.ts'
import { counted, thousands } from '../../wording.ts'
import { defineCommand, type Session, type Values } from '../command.ts'
import { choice, positive, text } from '../options.ts'

const options = {
  data: text('folder', 'dataset folder, made by "mia prepare"', { required: true }),
  cnn: text('path', 'the network, an ONNX file that takes one picture [pictures, 3, height, width]'),
  bottomUp: text('path', 'bottom-up features: a TSV file, or a folder with cocobu_att and cocobu_box_relative'),
  layer: text('name', 'the layer whose map is kept; by default "features", or else the last map'),
  size: positive('pixels', 'width and height of the pictures, for a network that takes any', { default: 224 }),
  normalisation: choice(
    'name',
    "how it wants its pictures; by default what is known of the file, or else torchvision's",
    ['imagenet', 'symmetric', 'bgr255'],
  ),
  batchSize: positive('pictures', 'pictures seen at once', { default: 8 }),
}

export const features = defineCommand({
  name: 'features',
  summary: 'see every picture as regions, by a pretrained network',
  description:
    'Runs a pretrained network (an ONNX file), cut at a layer, over all pictures of a dataset and keeps the cells of the ' +
    "layer's map as the regions of the picture, in float16. The features say which network, layer and preprocessing made " +
    'them. Broken pictures are left out and named. Stopped, it goes on where it was. With --bottom-up nothing is run: the ' +
    'regions that the bottom-up detector gave the pictures are read as they are published, with their boxes.',
  examples: [
    {
      call: 'mia features --data data/flickr8k --cnn mobilenet_v2.onnx',
      what: 'the tensor "features", or else the last map',
    },
    { call: 'mia features --data data/flickr8k --cnn resnet152.onnx --layer layer4', what: 'another layer' },
    {
      call: 'mia features --data data/coco --bottom-up trainval.tsv',
      what: 'published features, 10 to 100 or 36 regions each',
    },
  ],
  options,
  async run(values, session) {
    const { data, cnn, bottomUp } = values
    if ((cnn === undefined) === (bottomUp === undefined))
      throw new UsageError(
        'Cannot make features: say what makes them, either --cnn <network> or --bottom-up <file or folder>',
      )
    const { Dataset } = await import('../../data/dataset.ts')
    const dataset = await Dataset.open(data, { signal: session.signal })
    const images = dataset.images.map((image) => ({ id: image.id, path: dataset.imagePath(image) }))
    const { made, kept, leftOut, what, source } = await (cnn === undefined
      ? published(bottomUp!, data, images, session)
      : grid(cnn, values, images, session))
    for (const { file, why } of leftOut) session.report.warn(`left out ${file}: ${why}`)
    return {
      json: { data, made, kept, leftOut, ...source },
      text:
        `${counted(made + kept, 'picture')} with ${what} (${thousands(made)} made now)` +
        (leftOut.length > 0 ? `; ${counted(leftOut.length, 'picture')} left out` : ''),
      next: `mia concepts train --data ${data}`,
    }
  },
})

type Made = Extraction & { readonly what: string; readonly source: object }

/** The cells of a network's map. */
async function grid(
  cnn: string,
  { data, layer, size, normalisation, batchSize }: Values<typeof options>,
  images: readonly ImageFile[],
  { signal, report }: Session,
): Promise<Made> {
  const { extractFeatures, FeatureWriter, normalisations, openBackbone, sourceOf } = await import(
    '../../vision/index.ts'
  )
  const { featuresFolder } = await import('../../train/dataset-files.ts')
  const network = await openBackbone(cnn, {
    width: size,
    height: size,
    ...(layer !== undefined && { layer }),
    ...(normalisation && { normalisation: normalisations[normalisation] }),
  })
  const store = await FeatureWriter.open(featuresFolder(data), sourceOf(network))
  const onProgress = report.progress('Features', 'pictures')
  const done = await extractFeatures({ images, network, store, batchSize, onProgress, signal }).finally(async () => {
    await store.close() // keeps what is done, also when stopped
    network.release()
  })
  const { regions, sha256 } = network
  return {
    ...done,
    what: `${regions} regions of ${network.size} from layer "${network.layer}"`,
    source: { network: { layer: network.layer, regions, size: network.size, sha256 } },
  }
}

/** Published bottom-up features. */
async function published(
  path: string,
  data: string,
  images: readonly ImageFile[],
  { signal, report }: Session,
): Promise<Made> {
  const { importBottomUp } = await import('../../vision/index.ts')
  const { featuresFolder } = await import('../../train/dataset-files.ts')
  const onProgress = report.progress('Features', 'pictures')
  const { source, ...done } = await importBottomUp(path, featuresFolder(data), { images, onProgress, signal })
  return { ...done, what: `up to ${source.regions} bottom-up regions of ${source.size}`, source: { bottomUp: source } }
}
