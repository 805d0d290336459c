import { writeFile } from 'node:fs/promises'
import type { RunConfig } from '../../src/caption/run-config.ts'
import { assembleCaptioner, type TrainedCaptioner } from '../../src/caption/trained-captioner.ts'
import type { Weight } from '../../src/caption/weights.ts'
import { runFiles, writeRunConfig } from '../../src/disk/run.ts'
import { writeSafetensors } from '../../src/disk/safetensors-file.ts'
import type { BasicModelName } from '../../src/models/basic-models.ts'
import { createCaptioner } from '../../src/models/create-captioner.ts'
import { type FeatureSource, hasBoxes } from '../../src/vision/feature-source.ts'
import { normals } from './random.ts'
import { smallConfig, smallVocabulary } from './small-run.ts'

/** The configuration of a small run on features of that source. */
export function configFor(features: FeatureSource, basicModel: BasicModelName = 'VisualAttention'): RunConfig {
  const config = smallConfig()
  const { regions, size: featureSize } = features
  const sizes = { regions, featureSize, paddedRegions: hasBoxes(features) }
  return { ...config, features, model: { ...config.model, basicModel, ...sizes } }
}

/** Random weights, the same in every run, large enough that captions differ between images. */
function randomWeights(config: RunConfig): Map<string, Weight> {
  // the seed of the Transformer is one whose captions differ: few do
  const normal = normals(config.model.basicModel === 'Transformer' ? 11 : 1)
  const { parameters } = createCaptioner(config.model)
  return new Map(
    [...parameters].map(([name, { shape }]) => {
      const data = Float32Array.from(normal(shape.reduce((a, b) => a * b, 1)), (x) => 1.5 * x)
      return [name, { dtype: 'F32', shape, data }]
    }),
  )
}

/** A small captioner with random weights on features of that source. */
export function smallCaptioner(features: FeatureSource): TrainedCaptioner {
  const config = configFor(features)
  const weights = { tensors: randomWeights(config), path: 'runs/small/weights.safetensors' }
  return assembleCaptioner({ name: 'runs/small', config, vocabulary: smallVocabulary, weights, detector: undefined })
}

/** Writes the run of smallCaptioner() into a folder. */
export async function writeSmallCaptioner(
  folder: string,
  features: FeatureSource,
  basicModel?: BasicModelName,
): Promise<void> {
  const config = configFor(features, basicModel)
  await writeRunConfig(folder, config)
  await writeFile(runFiles(folder).vocabulary, JSON.stringify(smallVocabulary))
  await writeSafetensors(runFiles(folder).weights, randomWeights(config))
}
