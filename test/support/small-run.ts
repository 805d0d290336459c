import { writeFile } from 'node:fs/promises'
import type { RunConfig } from '../../src/caption/run-config.ts'
import type { Weight } from '../../src/caption/weights.ts'
import { runFiles, writeRunConfig } from '../../src/disk/run.ts'
import { writeSafetensors } from '../../src/disk/safetensors-file.ts'
import { createCaptioner } from '../../src/models/create-captioner.ts'
import type { Parameter } from '../../src/nn/scope.ts'
import { Vocabulary } from '../../src/text/vocabulary.ts'

/** The seven words of a small run, the special ones included. */
export const smallVocabulary = Vocabulary.build([['a', 'red', 'dog']], { minCount: 1 })

/** The configuration of a small run on the dataset in folder `data`. */
export const smallConfig = (data = 'data/small'): RunConfig => ({
  model: {
    basicModel: 'VisualAttention',
    mia: false,
    miaAttention: 'mutual',
    miaForm: 'code',
    conceptConfidences: false,
    iterations: 2,
    regions: 4,
    paddedRegions: false,
    concepts: 2,
    featureSize: 6,
    vocabularySize: smallVocabulary.size,
    hiddenSize: 8,
    numHeads: 2,
    innerSize: 8,
    attentionSize: 5,
    layers: 1,
    dropout: 0.5,
    miaDropout: 0.1,
  },
  training: {
    seed: 1,
    epochs: 30,
    batchSize: 80,
    captionsPerImage: 5,
    augmentations: 0,
    learningRate: 5e-4,
    learningRateDecayStart: 20,
    learningRateDecayEvery: 50,
    learningRateWarmup: 0,
    labelSmoothing: 0.1,
    objective: { kind: 'cross-entropy' },
    emaDecay: 0,
    gradientClipping: { kind: 'value', limit: 0.1 },
    adam: { beta1: 0.8, beta2: 0.999, epsilon: 1e-8 },
    beam: 3,
    maxLength: 20,
  },
  data: { name: 'small', folder: data },
  features: {
    kind: 'grid',
    network: { file: 'cnn.onnx', sha256: 'ab12' },
    layer: 'features',
    preprocessing: { width: 224, height: 224, channels: 'RGB', mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
    regions: 4,
    size: 6,
  },
})

/** A weight for each parameter, all 0.5. */
export const halves = (parameters: ReadonlyMap<string, Parameter>): Map<string, Weight> =>
  new Map(
    [...parameters].map(([name, { shape }]) => {
      const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5)
      return [name, { dtype: 'F32', shape, data }]
    }),
  )

/** Writes a trained small run without concepts into a folder, and returns its weights. */
export async function writeSmallRun(folder: string): Promise<Map<string, Weight>> {
  const config = smallConfig()
  const weights = halves(createCaptioner(config.model).parameters)
  await writeRunConfig(folder, config)
  await writeFile(runFiles(folder).vocabulary, JSON.stringify(smallVocabulary))
  await writeSafetensors(runFiles(folder).weights, weights)
  return weights
}
