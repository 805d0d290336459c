import type { RunConfig } from '../../src/caption/run-config.ts'
import { detectorFor } from '../../src/caption/stored-detector.ts'
import { writeDataset } from '../../src/data/dataset.ts'
import { writeDetector } from '../../src/disk/concept-files.ts'
import { conceptsFile, conceptsFolder, featuresFolder } from '../../src/disk/dataset-files.ts'
import { FeatureWriter } from '../../src/disk/feature-writer.ts'
import { writeFileAtomic } from '../../src/disk/files.ts'
import { toFloat16 } from '../../src/formats/float16.ts'
import { Vocabulary } from '../../src/text/vocabulary.ts'
import type { GridSource } from '../../src/vision/feature-source.ts'
import { normals } from '../support/random.ts'

const COLOURS = ['red', 'green', 'blue', 'black']
const THINGS = ['dog', 'cat', 'car']
const [REGIONS, SIZE] = [4, 8]

/** The source of a world's features. */
export const source: GridSource = {
  kind: 'grid',
  network: { file: 'none.onnx', sha256: '0'.repeat(64) },
  layer: 'features',
  preprocessing: { width: 8, height: 8, channels: 'RGB', mean: [0, 0, 0], std: [1, 1, 1] },
  regions: REGIONS,
  size: SIZE,
}

/**
 * Writes a dataset with features and concepts into `folder` and returns the configuration of a small run on it. Its
 * images show a thing in a colour; their features are one-hot for both, with a little noise. Each of the 12
 * combinations occurs `copies` times in each split; `val` limits the number of validation images.
 */
export async function makeWorld(
  folder: string,
  { mia = false, epochs = 4, copies = 1, val = Number.POSITIVE_INFINITY } = {},
): Promise<RunConfig> {
  const random = normals(5)
  const kinds = COLOURS.flatMap((colour, c) =>
    THINGS.flatMap((thing, t) =>
      Array.from({ length: copies }, (_, copy) => ({
        name: `${colour}-${thing}${copy > 0 ? `-${copy}` : ''}`,
        colour,
        thing,
        place: [c, COLOURS.length + t],
      })),
    ),
  )
  const images = (['train', 'val'] as const).flatMap((split) =>
    kinds.slice(0, split === 'val' ? val : undefined).map(({ name, colour, thing, place }) => {
      const tokens = [`a ${colour} ${thing}`, `there is a ${thing} and it is ${colour}`]
      return {
        id: `${split}-${name}`,
        file: `${name}.png`,
        split,
        captions: tokens,
        tokens,
        place,
        words: [colour, thing, 'a', 'is'],
      }
    }),
  )
  const vocabulary = Vocabulary.build(
    images.flatMap(({ tokens }) => tokens.map((caption) => caption.split(' '))),
    { minCount: 1 },
  )
  const entries = images.map(({ place: _, words: __, ...entry }) => entry)
  await writeDataset(folder, {
    name: 'world',
    source: { kind: 'world', files: [] },
    imageRoot: folder,
    problems: [],
    images: entries,
    vocabulary,
  })
  const writer = await FeatureWriter.open(featuresFolder(folder), source)
  for (const { id, place } of images) {
    const features = Float32Array.from(random(REGIONS * SIZE), (noise) => 0.05 * noise)
    for (let region = 0; region < REGIONS; region++) for (const at of place) features[region * SIZE + at]! += 1
    await writer.add(id, { features: toFloat16(features) })
  }
  await writer.close()
  const words = [...COLOURS, ...THINGS]
  const weights = new Map(
    [...detectorFor(words.length, source).parameters.values()].map(({ name, shape }) => [
      name,
      { dtype: 'F32' as const, shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) },
    ]),
  )
  await writeDetector(conceptsFolder(folder), {
    info: { words, features: source, meanAveragePrecision: 0, averagePrecision: {} },
    weights,
  })
  await writeFileAtomic(
    conceptsFile(folder),
    images.map(({ id, words: found }) => `${JSON.stringify({ id, words: found, scores: [1, 1, 1, 1] })}\n`).join(''),
  )
  return {
    model: {
      basicModel: 'VisualAttention',
      mia,
      iterations: 2,
      miaAttention: 'mutual',
      miaForm: 'code',
      conceptConfidences: false,
      regions: REGIONS,
      paddedRegions: false,
      concepts: REGIONS,
      featureSize: SIZE,
      vocabularySize: vocabulary.size,
      hiddenSize: 32,
      numHeads: 2,
      innerSize: 32,
      attentionSize: 8,
      layers: 1,
      dropout: 0.1,
      miaDropout: 0.1,
    },
    training: {
      seed: 3,
      epochs,
      batchSize: 8,
      captionsPerImage: 2,
      augmentations: 0,
      learningRate: 5e-3,
      learningRateDecayStart: 20,
      learningRateDecayEvery: 50,
      learningRateWarmup: 0,
      labelSmoothing: 0.1,
      objective: { kind: 'cross-entropy' },
      emaDecay: 0,
      gradientClipping: { kind: 'value', limit: 0.1 },
      adam: { beta1: 0.8, beta2: 0.999, epsilon: 1e-8 },
      beam: 2,
      maxLength: 12,
    },
    data: { name: 'world', folder },
    features: source,
  }
}
