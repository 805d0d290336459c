import { CPU } from '../../device.ts'
import { UsageError } from '../../errors.ts'
import { counted, thousands } from '../../wording.ts'
import { type Context, defineCommand, type Values } from '../command.ts'
import { choice, count, list, optionName, positive, rate, seed, text } from '../options.ts'
import { shellQuoted } from '../output.ts'
import { duration } from '../progress.ts'
import { DEVICE } from '../shared-options.ts'

const NORMALISATION_NAMES = ['imagenet', 'symmetric', 'bgr255'] as const
const CNN = { group: 'The network' } as const
const TEACHER = { group: 'The teacher' } as const
const TRAINING = { group: 'Training' } as const

const options = {
  out: text('folder', 'folder of the training, and of the tuned network', { required: true }),
  data: list(
    'folders',
    'datasets, made by "mia prepare", with commas between them: the network learns words of captions',
  ),
  images: list('folders', 'folders of pictures without captions, for a teacher'),

  cnn: text(
    'path',
    'ONNX file of the network to train (default: MobileNetV3-CenterNet of npm, which the pretrained CNN was made from)',
    { default: 'centernet', ...CNN },
  ),
  layer: text('name', 'its tensor of features, a map or tokens (default: the last one before pooling)', CNN),
  size: positive('pixels', 'width and height of its images, for a network that takes any', { max: 16_384, ...CNN }),
  normalisation: choice('name', 'how its pixels are normalised', NORMALISATION_NAMES, CNN),
  freeze: text(
    'tensor',
    'keep the network as it is up to this tensor (default: train all; of the pretrained CNN the last three blocks)',
    CNN,
  ),
  captioner: text(
    'run',
    'run of "mia train" on the features of this network: its captioner is trained together with the network, ' +
      'from the pictures to the captions',
    CNN,
  ),
  channels: positive('n', 'add a layer of n channels, whose output becomes the features', { max: 65_536, ...CNN }),

  teacher: text('path', 'ONNX file of a larger network: the features learn to tell its map', TEACHER),
  teacherLayer: text('name', 'its tensor of features (default: the last one before pooling)', TEACHER),
  teacherSize: positive('pixels', 'width and height of its images', { max: 16_384, ...TEACHER }),
  teacherNormalisation: choice('name', 'how its pixels are normalised', NORMALISATION_NAMES, TEACHER),

  storedViews: count(
    'n',
    'views of each picture that are made once and stored: the picture, and n - 1 crops of 7/8, every other one ' +
      'mirrored; 0: a new crop at each step, mirrored or not',
    { default: 0, max: 1000, ...TRAINING },
  ),
  epochs: positive('n', 'epochs', { default: 8, ...TRAINING }),
  newLayersFirst: count('n', 'epochs at first in which only new layers are trained, and the network stays as it is', {
    default: 0,
    ...TRAINING,
  }),
  learningRate: rate('rate', "learning rate of the network's weights; falls to 0 as half a cosine", {
    default: 1e-5,
    ...TRAINING,
  }),
  newLearningRate: rate('rate', 'learning rate of new layers and of the captioner', { default: 3e-4, ...TRAINING }),
  batchSize: positive('images', 'images per batch', { default: 32, max: 1024, ...TRAINING }),
  imagesAtOnce: positive(
    'images',
    'images that go through the network at once; fewer than a batch need less memory and give the same numbers ' +
      '(default: all of a batch)',
    { max: 1024, ...TRAINING },
  ),
  seed: seed('n', 'random seed; the same seed gives the same network', { default: 1, ...TRAINING }),
  device: { ...DEVICE, settings: TRAINING },
}

/** `mia cnn tune`: trains a vision network further. */
export const cnnTune = defineCommand({
  name: 'cnn tune',
  summary: 'train a CNN further, from captions or from a larger network',
  description:
    'Trains a vision network further, so that its features tell more. From captions it learns which of their frequent ' +
    'content words a picture has (noisy-OR over the regions). From a larger network, the teacher, it learns that ' +
    "network's feature map (distillation), also on pictures without captions. With --captioner a trained captioner and " +
    'its concept detector learn with it, as one graph. Batch normalisation stays in inference mode. Keeps the ' +
    'epoch with the lowest loss on the validation pictures: those of the datasets, and one in 50 of each folder. Writes network.onnx, with ' +
    'float16 weights, and preprocessor_config.json, for "mia features --cnn"; with a captioner also captioner, the ' +
    'folder of a run, and data, its dataset, which the features of the tuned network go into.',
  examples: [
    {
      call: 'mia cnn tune --data data/flickr8k --cnn resnet50.onnx --freeze relu_8 --out networks/resnet',
      what: 'layers 2 to 4 of a ResNet, as published; --freeze names the last tensor of layer 1',
    },
    {
      call: 'mia cnn tune --data data/coco --cnn resnet50.onnx --freeze relu_8 --captioner runs/va-mia --out networks/together',
      what: 'the same, together with the captioner that was trained on its features',
    },
    {
      call: 'mia cnn tune --data data/flickr8k --images photos --teacher resnet50.onnx --learning-rate 3e-4 --out networks/distilled',
      what: 'the pretrained CNN, from captions and towards a ResNet',
    },
  ],
  options,
  resumes: true,
  async run(values, context) {
    const { out, data, epochs, batchSize, storedViews } = values
    refuseContradictions(values)
    const { CENTERNET } = await import('../../vision/index.ts')
    const { CENTERNET_FREEZE, tuneNetwork } = await import('../../train/tuning/tune-network.ts')
    const { engineOn } = await import('../../hosts/node/engine.ts')
    const freeze = values.freeze ?? (values.cnn === CENTERNET ? CENTERNET_FREEZE : undefined)
    const { signal, report } = context
    const tuned = await tuneNetwork({
      engine: engineOn(values.device ?? CPU),
      data: data ?? [],
      images: await filesOf(values.images ?? [], context),
      network: await choiceOf(values.cnn, values),
      ...(values.teacher !== undefined && {
        teacher: await choiceOf(values.teacher, {
          layer: values.teacherLayer,
          size: values.teacherSize,
          normalisation: values.teacherNormalisation,
        }),
      }),
      ...(values.captioner !== undefined && { captioner: values.captioner }),
      ...(freeze !== undefined && { freeze }),
      ...(values.channels !== undefined && { channels: values.channels }),
      ...{ out, epochs, batchSize, storedViews },
      newLayersFirst: values.newLayersFirst,
      learningRate: values.learningRate,
      newLearningRate: values.newLearningRate,
      imagesAtOnce: values.imagesAtOnce ?? batchSize,
      seed: values.seed,
      signal,
      onProgress: report.progress('Training', 'steps'),
      onStoreProgress: report.progress('Views', 'views'),
      onSkip: ({ file, reason }) => report.warn(`skipped ${file}: ${reason}`),
      onStart: (scores) => report.note(`Before: ${describeScores(scores).join(', ')}`),
      onEpoch: (epoch) => report.note(describeEpoch(epoch)),
    })
    const { file, captioner, captionerData, size, trainedWeights, trainingPictures, words, bestEpoch, loss } = tuned
    return {
      json: tuned,
      text:
        `${file}: regions of ${thousands(size)} numbers; ${counted(trainedWeights, 'weight')} trained on ` +
        `${counted(trainingPictures, 'picture')}${words > 0 ? ` and ${counted(words, 'word')}` : ''}; ` +
        `loss ${loss.toFixed(4)} on the validation pictures at epoch ${bestEpoch}` +
        (captioner === undefined ? '' : `; the captioner is in ${captioner}, its dataset in ${captionerData}`),
      next: `mia features --data ${shellQuoted(captionerData ?? data?.[0] ?? 'data/mine')} --cnn ${shellQuoted(file)}`,
    }
  },
})

/** Throws UsageError for options that contradict each other. */
function refuseContradictions(values: Values<typeof options>): void {
  const { captioner, channels, device } = values
  if (device?.kind === 'webgpu')
    throw new UsageError(
      'Cannot tune a network on the device webgpu: ONNX Runtime computes gradients of convolutions wrongly there; use ' +
        '--device cpu or cuda',
    )
  for (const [name, given] of Object.entries({ images: values.images, teacher: values.teacher, channels }))
    if (captioner !== undefined && given !== undefined)
      throw new UsageError(
        `Cannot use --${name} with --captioner: it learns from captions, on the features as they are`,
      )
  if (captioner !== undefined && values.data?.length !== 1)
    throw new UsageError('Cannot tune a captioner without its dataset: give one folder with --data')
  const { data, images, teacher, cnn, teacherLayer, teacherSize, teacherNormalisation, layer, size, normalisation } =
    values
  if (data === undefined && images === undefined)
    throw new UsageError('Cannot tune a network without pictures: give --data, --images or both')
  if (teacher === undefined && data === undefined)
    throw new UsageError('Cannot tune a network on --images alone: they have no captions; give --teacher or --data')
  const ofTeacher = { teacherLayer, teacherSize, teacherNormalisation }
  for (const [name, given] of Object.entries(ofTeacher))
    if (teacher === undefined && given !== undefined)
      throw new UsageError(`Cannot use --${optionName(name)} without --teacher: it says how to use the teacher`)
  for (const [name, given] of Object.entries({ layer, size, normalisation }))
    if (cnn === 'centernet' && given !== undefined)
      throw new UsageError(`Cannot use --${name} without --cnn: it says how to use your own CNN`)
}

interface Usage {
  readonly layer?: string | undefined
  readonly size?: number | undefined
  readonly normalisation?: (typeof NORMALISATION_NAMES)[number] | undefined
}

/** A network, and how it is used. */
async function choiceOf(file: string, { layer, size, normalisation }: Usage) {
  const { NORMALISATIONS } = await import('../../vision/index.ts')
  return {
    file,
    options: {
      ...(size !== undefined && { width: size, height: size }),
      ...(layer !== undefined && { layer }),
      ...(normalisation && { normalisation: NORMALISATIONS[normalisation] }),
    },
  }
}

/** The pictures of folders; what cannot be read is reported and skipped. */
async function filesOf(folders: readonly string[], { signal, report }: Context): Promise<string[][]> {
  const { imagesBelow } = await import('../image-folder.ts')
  const found: string[][] = []
  for (const folder of folders) {
    const files: string[] = []
    for (const { name, image, reason } of await imagesBelow(folder, { signal }))
      if (typeof image === 'string') files.push(image)
      else report.warn(`skipped ${name}: ${reason ?? 'it is not a file'}`)
    found.push(files)
  }
  return found
}

type Epoch = import('../../train/tuning/tuning-options.ts').TuningEpoch
type Scores = import('../../train/tuning/tuning-validation.ts').TuningScores

const describeEpoch = ({ epoch, trainingLoss, best, seconds, ...scores }: Epoch): string =>
  [
    `Epoch ${epoch}: loss ${trainingLoss?.toFixed(4) ?? '- (resumed after its last step)'}`,
    ...describeScores(scores),
    `${duration(seconds)}${best ? ' (best)' : ''}`,
  ].join(', ')

const describeScores = ({ loss, teacher, captions, meanAveragePrecision }: Scores): string[] => [
  `validation ${loss.toFixed(4)}`,
  ...(captions === undefined ? [] : [`captions ${captions.toFixed(4)}`]),
  ...(teacher === undefined ? [] : [`unexplained of the teacher ${teacher.toFixed(4)}`]),
  ...(meanAveragePrecision === undefined ? [] : [`mAP of words ${meanAveragePrecision.toFixed(4)}`]),
]
