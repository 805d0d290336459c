import { counted, thousands } from '../../wording.ts'
import { defineCommand } from '../command.ts'
import { choice, positive, text } from '../options.ts'

export const features = defineCommand({
  name: 'features',
  summary: 'see every picture as regions, by a pretrained network',
  description:
    'Runs a pretrained network (an ONNX file), cut at a layer, over all pictures of a dataset and keeps the cells of the ' +
    "layer's map as the regions of the picture, in float16. The features say which network, layer and preprocessing made " +
    'them. Broken pictures are left out and named. Stopped, it goes on where it was.',
  examples: [
    {
      call: 'mia features --data data/flickr8k --cnn mobilenet_v2.onnx',
      what: 'the tensor "features", or else the last map',
    },
    { call: 'mia features --data data/flickr8k --cnn resnet152.onnx --layer layer4', what: 'another layer' },
  ],
  options: {
    data: text('folder', 'dataset folder, made by "mia prepare"', { required: true }),
    cnn: text('path', 'the network, an ONNX file that takes one picture [pictures, 3, height, width]', {
      required: true,
    }),
    layer: text('name', 'the layer whose map is kept; by default "features", or else the last map'),
    size: positive('pixels', 'width and height of the pictures, for a network that takes any', { default: 224 }),
    normalisation: choice(
      'name',
      "how it wants its pictures; by default what is known of the file, or else torchvision's",
      ['imagenet', 'symmetric', 'bgr255'],
    ),
    batchSize: positive('pictures', 'pictures seen at once', { default: 8 }),
  },
  async run({ data, cnn, layer, size, normalisation, batchSize }, { signal, report }) {
    const { Dataset } = await import('../../data/dataset.ts')
    const { extractFeatures, FeatureWriter, normalisations, openBackbone, sourceOf } = await import(
      '../../vision/index.ts'
    )
    const { featuresFolder } = await import('../../train/dataset-files.ts')
    const dataset = await Dataset.open(data, { signal })
    const network = await openBackbone(cnn, {
      width: size,
      height: size,
      ...(layer !== undefined && { layer }),
      ...(normalisation && { normalisation: normalisations[normalisation] }),
    })
    const store = await FeatureWriter.open(featuresFolder(data), sourceOf(network))
    const images = dataset.images.map((image) => ({ id: image.id, path: dataset.imagePath(image) }))
    const onProgress = report.progress('Features', 'pictures')
    const { made, kept, leftOut } = await extractFeatures({
      images,
      network,
      store,
      batchSize,
      onProgress,
      signal,
    }).finally(async () => {
      await store.close() // keeps what is done, also when stopped
      network.release()
    })
    for (const { file, why } of leftOut) report.warn(`left out ${file}: ${why}`)
    const { regions } = network
    const of = `${regions} regions of ${network.size} from layer "${network.layer}"`
    const kind = { layer: network.layer, regions, size: network.size, sha256: network.sha256 }
    return {
      json: { data, made, kept, leftOut, network: kind },
      text:
        `${counted(made + kept, 'picture')} with ${of} (${thousands(made)} made now)` +
        (leftOut.length > 0 ? `; ${counted(leftOut.length, 'picture')} left out` : ''),
      next: `mia concepts train --data ${data}`,
    }
  },
})
